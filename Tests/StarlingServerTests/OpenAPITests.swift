import StarlingSchema
import StarlingTestSupport
import Testing

@testable import StarlingServer

/// What the daemon says of itself at `/openapi.json` is what it does.
@Suite struct OpenAPITests {
    @Test func everyPathIsRouted() async throws {
        try await TestDaemon.run { daemon in
            for connection in [try daemon.http(), try daemon.admin()] {
                let answer = try await connection.request("GET", "/openapi.json")
                #expect(answer.field("Content-Type") == "application/json")
                #expect(answer.json["openapi"]?.string?.hasPrefix("3.1") == true)
                let paths = try #require(answer.json["paths"]?.object)
                #expect(!paths.isEmpty)
                for (path, methods) in paths {
                    for method in methods.object?.keys.sorted() ?? [] where method != "parameters" {
                        let target = path.replacing(#/\{\w+\}/#, with: "0")
                        let reply = try await connection.request(method.uppercased(), target)
                        // Not found is possible, but it is the operation that says so.
                        #expect(
                            reply.status != 405 && reply.json["code"] != .string("NO_SUCH_ROUTE"), "\(method) \(path)")
                    }
                }
            }
        }
    }

    @Test func everyOperationIsDescribed() async throws {
        try await TestDaemon.run { daemon in
            let table = try OperationTable()
            for (connection, isAdmin) in [(try daemon.http(), false), (try daemon.admin(), true)] {
                let paths = try await connection.request("GET", "/openapi.json").json["paths"]?.object ?? [:]
                var described: Set<String> = []
                for (path, methods) in paths {
                    for method in methods.object?.keys.sorted() ?? [] {
                        described.insert("\(method.uppercased()) \(path)")
                    }
                }
                for operation in table.operations where operation.isAdmin == isAdmin {
                    for binding in operation.bindings {
                        let path = binding.template.text { name in
                            let parts = name.split(separator: "_")
                            return parts[0]
                                + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
                        }
                        #expect(described.contains("\(binding.method.rawValue) \(path)"), "\(operation.name)")
                    }
                }
            }
        }
    }
}
