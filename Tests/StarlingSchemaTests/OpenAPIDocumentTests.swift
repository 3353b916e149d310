import Foundation
import StarlingSchema
import Testing

struct OpenAPIDocumentTests {
    private typealias Object = [String: Any]

    private let table: OperationTable
    private let document: OpenAPIDocument

    init() throws {
        table = try SharedTable.get()
        document = OpenAPIDocument(table: table, version: "1.2.3")
    }

    private func parsed(admin: Bool = false) throws -> Object {
        let json = try JSONSerialization.jsonObject(with: Data(document.document(admin: admin)))
        return try #require(json as? Object)
    }

    /// The value at the end of a way through objects.
    private func value(_ tree: Any?, _ path: String...) -> Any? {
        path.reduce(tree) { tree, name in (tree as? Object)?[name] }
    }

    @Test func sameBytesOnEveryCall() {
        #expect(document.document(admin: false) == document.document(admin: false))
        #expect(document.document(admin: false).starts(with: #"{"openapi":"3.1.0","info":{"title":"Starling","#.utf8))
    }

    @Test func everyRouteIsThereAndNoOther() throws {
        for admin in [false, true] {
            var expected: Set<String> = []
            for operation in table.operations where operation.isAdmin == admin {
                for binding in operation.bindings {
                    let path = binding.template.text { operation.input.field(named: $0)?.jsonName ?? $0 }
                    expected.insert("\(binding.method.rawValue.lowercased()) \(path)")
                }
            }
            let paths = try #require(try parsed(admin: admin)["paths"] as? Object)
            let actual = paths.flatMap { path, item in (item as? Object ?? [:]).keys.map { "\($0) \(path)" } }
            #expect(Set(actual) == expected)
        }
    }

    @Test func operationIdsAreUnique() throws {
        let paths = try #require(try parsed()["paths"] as? Object)
        let ids = paths.values.flatMap { ($0 as? Object ?? [:]).values }.compactMap {
            value($0, "operationId") as? String
        }
        #expect(ids.count == Set(ids).count)
        #expect(Set(ids).isSuperset(of: ["Follow", "Follow_2", "Feed", "Feed_2", "CreatePost"]))
    }

    @Test func everyReferenceResolvesAndEveryComponentIsUsed() throws {
        for admin in [false, true] {
            let tree = try parsed(admin: admin)
            var references: Set<String> = []
            collectReferences(tree, into: &references)
            for reference in references {
                let path = reference.split(separator: "/").dropFirst().map(String.init)
                #expect(path.reduce(tree as Any?) { value($0, $1) } != nil, "\(reference)")
            }
            for (name, _) in try #require(value(tree, "components", "schemas") as? Object) {
                #expect(references.contains("#/components/schemas/\(name)"), "\(name)")
            }
        }
    }

    private func collectReferences(_ tree: Any, into references: inout Set<String>) {
        if let object = tree as? Object {
            if let reference = object["$ref"] as? String { references.insert(reference) }
            object.values.forEach { collectReferences($0, into: &references) }
        } else if let array = tree as? [Any] {
            array.forEach { collectReferences($0, into: &references) }
        }
    }

    @Test func headersOfWritesAndReads() throws {
        let paths = try parsed()["paths"]
        func headers(_ path: String, _ method: String) -> [String] {
            (value(paths, path, method, "parameters") as? [Object] ?? []).compactMap { $0["$ref"] as? String }
                .map { String($0.split(separator: "/").last ?? "") }
        }
        #expect(headers("/v1/posts", "post") == ["ActorId", "IdempotencyKey", "Durability"])
        #expect(headers("/v1/posts", "get") == ["ActorId", "MinLsn"])
        let admin = value(try parsed(admin: true), "paths", "/admin/quiesce", "get", "parameters") as? [Any]
        #expect(admin?.isEmpty == true)
    }

    /// With authentication, operations say what they need, and nobody says who he is.
    @Test func securityIsDescribedWhereItIsAskedFor() throws {
        let secured = OpenAPIDocument(table: table, version: "1", isAuthenticated: true)
        let tree = try JSONSerialization.jsonObject(with: Data(secured.document(admin: false)))
        let schemes = value(tree, "components", "securitySchemes") as? Object
        #expect(Set((schemes ?? [:]).keys) == ["bearer", "cookie"])
        #expect(value(tree, "components", "parameters", "ActorId") == nil)
        let feed = value(tree, "paths", "/v1/feed", "get", "security") as? [Object]
        #expect(feed?.map { $0.keys.first } == ["bearer", "cookie"])
        let user = value(tree, "paths", "/v1/users/{userId}", "get", "security") as? [Object]
        #expect(user?.map { $0.keys.first } == [nil, "bearer", "cookie"])
        #expect(value(try parsed(), "components", "securitySchemes") == nil)
        #expect(value(try parsed(), "paths", "/v1/feed", "get", "security") == nil)
        let admin = try JSONSerialization.jsonObject(with: Data(secured.document(admin: true)))
        #expect(value(admin, "components", "securitySchemes") == nil)
    }

    @Test func anExportIsAFileOfLines() throws {
        let answer = value(
            try parsed(), "paths", "/v1/users/{userId}/export", "get", "responses", "200", "content")
        #expect(Array((answer as? Object ?? [:]).keys) == ["application/jsonl"])
    }

    @Test func parametersOfPathAndQuery() throws {
        let parameters = try #require(
            value(try parsed(), "paths", "/v1/users/{userId}/feed", "get", "parameters") as? [Object])
        let places = parameters.compactMap { parameter in
            (parameter["name"] as? String).map { "\(parameter["in"] ?? "") \($0)" }
        }
        #expect(
            places == ["path userId", "query limit", "query cursor", "query hydrate", "query order", "query idsOnly"])
        #expect(parameters[0]["required"] as? Bool == true)
        #expect(value(parameters[0], "schema", "type") as? String == "string")
        #expect(value(parameters[0], "schema", "pattern") is String)
        #expect(value(parameters[1], "schema", "minimum") as? Int == 1)
        #expect(value(parameters[1], "schema", "maximum") as? Int == 200)
        #expect(parameters[1]["description"] as? String == "The most items on the page. 50 when not given.")
    }

    @Test func creationAnswers201AndFailuresAreProblems() throws {
        let responses = value(try parsed(), "paths", "/v1/posts", "post", "responses")
        #expect(Set((responses as? Object ?? [:]).keys) == ["201", "default"])
        #expect(value(responses, "201", "headers", "Location") != nil)
        #expect(value(responses, "201", "headers", "Idempotent-Replayed") != nil)
        let problem = value(try parsed(), "components", "responses", "Problem", "content", "application/problem+json")
        #expect(value(problem, "schema", "$ref") as? String == "#/components/schemas/Problem")
    }

    @Test func bodyWithoutTheFieldsOfThePath() throws {
        let paths = try parsed()["paths"]
        let follow = value(paths, "/v1/users/{targetId}/follow", "post", "requestBody", "content", "application/json")
        #expect(Set((value(follow, "schema", "properties") as? Object ?? [:]).keys) == ["userId"])
        #expect(value(paths, "/v1/users/{userId}/following/{targetId}", "put", "requestBody") == nil)
        #expect(value(paths, "/v1/posts/{postId}", "delete", "requestBody") == nil)
    }

    @Test func answersRequireWhatIsAlwaysPrinted() throws {
        let schemas = value(try parsed(), "components", "schemas")
        #expect(
            value(schemas, "FeedResponse", "required") as? [String] == ["items", "complete", "asOfLsn"])
        #expect(value(schemas, "CreatePostRequest", "required") == nil)
        #expect(value(schemas, "Post.Kind", "enum") as? [String] == ["TEXT", "IMAGE", "VIDEO"])
        #expect(value(schemas, "Post", "properties", "createdAt", "format") as? String == "date-time")
        #expect(value(schemas, "BatchPostsRequest", "properties", "rows", "maxItems") as? Int == 10_000)
        #expect(value(schemas, "CreatePostRequest", "properties", "text", "maxLength") as? Int == 65_536)
    }

    @Test func adminOperationsAreInTheirOwnDocument() throws {
        #expect(value(try parsed(), "paths", "/admin/config") == nil)
        #expect(value(try parsed(admin: true), "paths", "/v1/posts") == nil)
        let config = value(try parsed(admin: true), "components", "schemas", "Config", "properties", "values")
        #expect(value(config, "additionalProperties", "type") as? String == "string")
    }

    /// The pattern of an id takes what the server takes, and nothing else.
    @Test func patternsOfNumbersAreExact() throws {
        let parameters = try #require(
            value(try parsed(), "paths", "/v1/users/{userId}/feed", "get", "parameters") as? [Object])
        let pattern = try Regex(try #require(value(parameters[0], "schema", "pattern") as? String))
        var numbers: [String] = ["", "-1", "+1", "01", "00", "1.0", "1e3", " 1", "1 ", "x", "0x1"]
        for shift in 0...64 as ClosedRange<UInt64> {
            let power = shift == 64 ? UInt128(1) << 64 : UInt128(1) << UInt128(shift)
            for near in [power - 1, power, power + 1] { numbers.append("\(near)") }
        }
        for zeros in 0...21 {
            numbers += ["1", "9", "18", "19"].map { $0 + String(repeating: "0", count: zeros) }
            numbers.append(String(repeating: "9", count: zeros + 1))
        }
        for number in numbers {
            let isOne =
                UInt64(number) != nil && (number == "0" || number.first.map { "123456789".contains($0) } == true)
            #expect((number.wholeMatch(of: pattern) != nil) == isOne, "\(number)")
        }
    }
}
