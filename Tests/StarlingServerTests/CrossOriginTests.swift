import StarlingTestSupport
import Testing

@testable import StarlingServer

@Suite struct CrossOriginTests {
    private static let preflight = [
        "Origin": "https://example.org", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    ]

    private static func corsFields(_ answer: HTTPAnswer) -> [String] {
        answer.fields.map(\.name).filter { $0.hasPrefix("access-control") || $0 == "vary" }
    }

    @Test func itIsOffByDefault() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            let asked = try await http.request("OPTIONS", "/v1/posts", Self.preflight)
            #expect(asked.status == 405 && Self.corsFields(asked).isEmpty)
            let read = try await http.request("GET", "/v1/users/1/posts", ["Origin": "https://example.org"])
            #expect(read.status == 200 && Self.corsFields(read).isEmpty)
        }
    }

    @Test func listedOriginsAreLetIn() async throws {
        try await TestDaemon.run(configure: { try $0.set("http.corsOrigins", "https://example.org") }) { daemon in
            let http = try daemon.http()
            let asked = try await http.request("OPTIONS", "/v1/posts", Self.preflight)
            #expect(asked.status == 204 && asked.body.isEmpty)
            #expect(asked.field("Access-Control-Allow-Origin") == "https://example.org")
            #expect(asked.field("Access-Control-Allow-Methods")?.contains("POST") == true)
            #expect(asked.field("Access-Control-Allow-Headers")?.contains("Idempotency-Key") == true)
            #expect(asked.field("Vary") == "Origin" && asked.field("X-Content-Type-Options") == "nosniff")
            #expect(asked.field("Access-Control-Allow-Credentials") == nil)
            for target in ["/v1/users/1/posts", "/nowhere", "/openapi.json"] {
                let read = try await http.request("GET", target, ["Origin": "https://example.org"])
                #expect(read.field("Access-Control-Allow-Origin") == "https://example.org", "\(target)")
            }
            let missing = try await http.request("OPTIONS", "/nowhere", Self.preflight)
            #expect(missing.status == 404)
        }
    }

    @Test(arguments: [
        "https://example.org.evil.example", "http://example.org", "https://example.org:444", "https://EXAMPLE.org",
        "null",
        "https://sub.example.org", "",
    ])
    func otherOriginsAreNot(origin: String) async throws {
        try await TestDaemon.run(configure: { try $0.set("http.corsOrigins", "https://example.org") }) { daemon in
            let http = try daemon.http()
            var fields = Self.preflight
            fields["Origin"] = origin
            let asked = try await http.request("OPTIONS", "/v1/posts", fields)
            #expect(asked.status == 405 && asked.field("Access-Control-Allow-Origin") == nil)
            #expect(asked.field("Vary") == "Origin", "a cache must not give this to the listed origin")
            let admin = try await daemon.admin().request("GET", "/admin/config", ["Origin": "https://example.org"])
            #expect(Self.corsFields(admin).isEmpty)
        }
    }
}
