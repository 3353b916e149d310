import StarlingSchema
import SwiftProtobuf
import Testing

/// A message that holds itself: none of ours does yet, so that this is the only way to nest without end.
struct NestingTests {
    private let schema: Schema
    private let route: Route

    init() throws {
        var fixture = SchemaFixture()
        var inner = SchemaFixture.field("inner", number: 4, .message)
        inner.typeName = ".test.Thing"
        fixture.fields.append(inner)
        fixture.add("A", opcode: 16, get: "/a") { method in
            method.options.Google_Api_http.post = "/a"
            method.options.Google_Api_http.body = "*"
        }
        let table = try fixture.table()
        guard case .found(let route) = table.routes.match(method: "POST", path: "/a") else {
            throw BindingFixture.NoRoute()
        }
        schema = table.schema
        self.route = route
    }

    private func payload(depth: Int) throws(BindingError) -> [UInt8] {
        let body = String(repeating: #"{"inner":"#, count: depth - 1) + "{}" + String(repeating: "}", count: depth - 1)
        return try RequestBinding(schema: schema).payload(route: route, query: "", body: Array(body.utf8))
    }

    @Test func greatestDepth() throws {
        #expect(try payload(depth: 32).count == 31 * 2)
    }

    @Test(arguments: [33, 100_000])
    func tooDeep(depth: Int) {
        do {
            _ = try payload(depth: depth)
            Issue.record("depth \(depth) should be refused")
        } catch {
            #expect(error.reason == .tooDeep)
        }
    }
}
