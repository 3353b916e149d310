import StarlingSchema
import SwiftProtobuf
import Testing

struct BrokenSchemaTests {
    @Test func wholeFixtureMakesATable() throws {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: 16, get: "/a/{id}")
        #expect(try fixture.table().operations.map(\.name) == ["A"])
    }

    @Test func twoOperationsWithOneOpcode() {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: 16, get: "/a")
        fixture.add("B", opcode: 16, get: "/b")
        let expected = OperationTableError.duplicateOpcode(opcode: 16, first: "test.Things.A", second: "test.Things.B")
        #expect(throws: expected) { try fixture.table() }
    }

    @Test(arguments: [0, 15, 65536, UInt32.max])
    func opcodeOutsideTheRange(opcode: UInt32) {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: opcode, get: "/a")
        #expect(throws: OperationTableError.badOpcode(operation: "test.Things.A", opcode: opcode)) {
            try fixture.table()
        }
    }

    @Test func twoOperationsWithOneRoute() {
        var fixture = SchemaFixture()
        fixture.fields.append(SchemaFixture.field("other", number: 4, .uint64))
        fixture.add("A", opcode: 16, get: "/a/{id}/b")
        fixture.add("B", opcode: 17, get: "/a/{other}/b")
        let expected = OperationTableError.duplicateRoute(
            method: .get, template: "/a/{other}/b", first: "test.Things.A", second: "test.Things.B")
        #expect(throws: expected) { try fixture.table() }
    }

    @Test func pathVariableThatIsNoField() {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: 16, get: "/a/{nothing}")
        let expected = OperationTableError.badPathVariable(
            operation: "test.Things.A", variable: "nothing", reason: "is not a field of test.Thing")
        #expect(throws: expected) { try fixture.table() }
    }

    @Test func pathVariableThatIsAList() {
        var fixture = SchemaFixture()
        fixture.fields[0].label = .repeated
        fixture.add("A", opcode: 16, get: "/a/{id}")
        let expected = OperationTableError.badPathVariable(
            operation: "test.Things.A", variable: "id", reason: "is repeated")
        #expect(throws: expected) { try fixture.table() }
    }

    @Test func writeWithoutReceipt() {
        var fixture = SchemaFixture()
        fixture.fields.remove(at: 1)
        fixture.add("A", opcode: 16, get: "/a") { $0.options.Starling_V1_write = true }
        #expect(throws: OperationTableError.missingReceipt(operation: "test.Things.A", field: "lsn")) {
            try fixture.table()
        }
    }

    @Test func locationOverAFieldThatIsNotThere() {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: 16, get: "/a") { $0.options.Starling_V1_location = "/a/{id.more}" }
        #expect(throws: OperationTableError.badLocation(operation: "test.Things.A", template: "/a/{id.more}")) {
            try fixture.table()
        }
    }

    @Test func statusThatIsNoSuccess() {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: 16, get: "/a") { $0.options.Starling_V1_successStatus = 404 }
        #expect(throws: OperationTableError.badStatus(operation: "test.Things.A", status: 404)) {
            try fixture.table()
        }
    }

    @Test func streamingOperation() {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: 16, get: "/a") { $0.serverStreaming = true }
        #expect(throws: OperationTableError.streaming(operation: "test.Things.A")) { try fixture.table() }
    }

    @Test func messageWithTooManyFields() {
        var fixture = SchemaFixture()
        fixture.fields = (1...65).map { SchemaFixture.field("f\($0)", number: $0, .bool) }
        let expected = SchemaError.tooManyFields(message: "test.Thing", count: 65, limit: 64)
        #expect(throws: expected) { try Schema(serializedFiles: fixture.serializedFiles()) }
    }

    @Test func twoFieldsWithOneName() {
        var fixture = SchemaFixture()
        fixture.fields[1].jsonName = "id"
        let expected = SchemaError.duplicateFieldName(message: "test.Thing", name: "id")
        #expect(throws: expected) { try Schema(serializedFiles: fixture.serializedFiles()) }
    }

    @Test func fieldOfAnUnknownType() {
        var fixture = SchemaFixture()
        fixture.fields[0].type = .message
        fixture.fields[0].typeName = ".test.Missing"
        let expected = SchemaError.unknownType(field: "test.Thing.id", type: ".test.Missing")
        #expect(throws: expected) { try Schema(serializedFiles: fixture.serializedFiles()) }
    }

    @Test func bytesThatAreNoDescriptorSet() {
        #expect(throws: SchemaError.unreadable) { try Schema(serializedFiles: [0xff, 0xff, 0xff]) }
    }

    @Test(arguments: ["a", "", "/a//b", "/{}", "/{a b}", "/a/{id", "/a/*", "/a/{id=**}", "/a:", "/a/"])
    func templateThatCannotBeRead(text: String) {
        #expect(throws: PathTemplateError.self) { try PathTemplate(text) }
    }

    @Test func templateWithOneVariableTwice() {
        #expect(throws: PathTemplateError.repeatedVariable(template: "/{a}/{a}", name: "a")) {
            try PathTemplate("/{a}/{a}")
        }
    }

    @Test(arguments: ["/a", "/a/{b}", "/a/{b}/c:verb", "/{a}:verb", "/.well-known/jwks.json"])
    func templateIsPrintedAsItWasWritten(text: String) throws {
        #expect(try PathTemplate(text).description == text)
    }
}
