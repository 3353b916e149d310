import StarlingTestSupport
import Testing

@testable import StarlingServer

/// Requests that are well-formed HTTP and yet not what an operation takes: each is answered with a problem document
/// that names the place, on a connection that goes on.
@Suite struct HTTPContentTests {
    /// Sends one request; expects a problem and that the connection and the daemon go on.
    private static func expectProblem(
        _ daemon: TestDaemon, _ method: String, _ target: String, _ fields: [String: String] = [:],
        body: [UInt8]? = nil, status: Int, code: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> HTTPAnswer {
        let http = try daemon.http()
        let answer = try await http.request(method, target, fields, body: body)
        #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
        #expect(answer.field("Content-Type") == "application/problem+json", sourceLocation: sourceLocation)
        #expect(answer.field("X-Content-Type-Options") == "nosniff", sourceLocation: sourceLocation)
        let problem = answer.json
        #expect(problem["code"] == .string(code), sourceLocation: sourceLocation)
        #expect(problem["status"] == .number(Double(status)), sourceLocation: sourceLocation)
        #expect(problem["accepted"] == .bool(false), sourceLocation: sourceLocation)
        #expect(problem["title"]?.string?.isEmpty == false && problem["detail"]?.string?.isEmpty == false)
        #expect(problem["type"]?.string?.hasPrefix("urn:starling:problem:") == true)
        if status != 413 {
            let next = try await http.request("GET", "/livez")
            #expect(next.status == 200, "the connection goes on", sourceLocation: sourceLocation)
        }
        try await daemon.expectAnswers(sourceLocation: sourceLocation)
        return answer
    }

    private static let actor = ["X-Actor-Id": "1"]

    /// Bodies of a post, and the field that is at fault (empty: the body as a whole).
    private static let bodies: [(body: String, field: String)] = [
        ("{", ""), (#"{"text":"x""#, ""), (#"{"text":"x"}}"#, ""), ("nonsense", ""), ("[]", ""), ("\"text\"", ""),
        ("null", ""), ("{\"text\":\"a\nb\"}", "text"), (#"{"text":"\ud800"}"#, "text"), (#"{"text":"\x"}"#, "text"),
        (#"{"text":"x",}"#, ""), (#"{'text':'x'}"#, ""), (#"{"text":7}"#, "text"), (#"{"text":["x"]}"#, "text"),
        (#"{"text":{"x":1}}"#, "text"), (#"{"text":true}"#, "text"), (#"{"text":"x","colour":"red"}"#, "colour"),
        (#"{"text":"x","text":"y"}"#, "text"), (#"{"text":"x","kind":"POEM"}"#, "kind"),
        (#"{"text":"x","kind":99}"#, "kind"), (#"{"text":"x","visibility":"NOBODY"}"#, "visibility"),
        (#"{"text":"x","replyTo":"-1"}"#, "replyTo"), (#"{"text":"x","replyTo":1.5}"#, "replyTo"),
        (#"{"text":"x","replyTo":18446744073709551616}"#, "replyTo"), (#"{"text":"x","replyTo":1e400}"#, "replyTo"),
        (#"{"text":"x","authorId":"one"}"#, "authorId"), (#"{"text":"x","authorId":-0.5}"#, "authorId"),
        (#"{"text":"x","replyTo":1e999999999999999999}"#, "replyTo"),
        ("{\"text\":\"x\",\"replyTo\":\(String(repeating: "9", count: 5_000))}", "replyTo"), (#"{"text":""}"#, "text"),
        (#"{"mediaUrl":"\#(String(repeating: "u", count: 2_049))"}"#, "mediaUrl"),
        (#"{"text":"\#(String(repeating: "t", count: 65_537))"}"#, "text"),
        (#"{"text":"\#(String(repeating: "\u{20ac}", count: 21_846))"}"#, "text"),
    ]

    @Test func badBodiesAreNamed() async throws {
        try await TestDaemon.run { daemon in
            for (body, field) in Self.bodies {
                let answer = try await Self.expectProblem(
                    daemon, "POST", "/v1/posts", Self.actor, body: Array(body.utf8), status: 400,
                    code: "INVALID_ARGUMENT")
                let named = answer.json["errors"]?[0]?["field"]
                #expect(named == .string(field), "\(body.prefix(60)): \(answer.text)")
            }
            let totals = try await daemon.admin().request("GET", "/admin/quiesce").json
            #expect(totals["lsn"] == .string("0"), "nothing of all this was written")
        }
    }

    @Test func badBytesAreRefused() async throws {
        try await TestDaemon.run { daemon in
            let bodies: [[UInt8]] = [
                Array(#"{"text":""#.utf8) + [0xff, 0xfe] + Array(#""}"#.utf8),
                Array(#"{"text":""#.utf8) + [0xc0, 0x80] + Array(#""}"#.utf8),
                Array(#"{"text":""#.utf8) + [0xed, 0xa0, 0x80] + Array(#""}"#.utf8),
                Array(#"{"text":""#.utf8) + [0] + Array(#""}"#.utf8),
                [0xef, 0xbb, 0xbf] + Array(#"{"text":"x"}"#.utf8), [0x00], [0xfb, 0x53, 0x54, 0x4c],
            ]
            for body in bodies {
                _ = try await Self.expectProblem(
                    daemon, "POST", "/v1/posts", Self.actor, body: body, status: 400, code: "INVALID_ARGUMENT")
            }
        }
    }

    /// Nesting that would end a parser that calls itself.
    @Test(arguments: ["[", #"{"rows":["#, #"{"a":"#]) func deepNestingIsRefused(piece: String) async throws {
        try await TestDaemon.run { daemon in
            for target in ["/v1/batch/posts", "/v1/posts"] {
                let body = Array(String(repeating: piece, count: 100_000).utf8)
                _ = try await Self.expectProblem(
                    daemon, "POST", target, Self.actor, body: body, status: 400, code: "INVALID_ARGUMENT")
            }
        }
    }

    @Test func rowsAreNamedByTheirNumber() async throws {
        try await TestDaemon.run { daemon in
            for (target, body, field) in [
                ("/v1/batch/posts", #"{"rows":[{"text":"a"},{"text":1}]}"#, "rows[1].text"),
                ("/v1/batch/posts", #"{"rows":[{"createdAt":"yesterday"}]}"#, "rows[0].createdAt"),
                ("/v1/batch/posts", #"{"rows":[{"createdAt":"0001-01-01T00:00:00Z"}]}"#, "rows[0].createdAt"),
                ("/v1/batch/follows", #"{"rows":[{"since":"1969-12-31T23:59:59Z"}]}"#, "rows[0].since"),
                ("/v1/batch/follows", #"{"rows":[{"since":"9999-12-31T23:59:59Z"}]}"#, "rows[0].since"),
                ("/v1/batch/follows", #"{"rows":{}}"#, "rows"),
                (
                    "/v1/batch/follows",
                    #"{"rows":[\#(Array(repeating: "{}", count: 10_001).joined(separator: ","))]}"#, "rows"
                ),
            ] {
                let answer = try await Self.expectProblem(
                    daemon, "POST", target, Self.actor, body: Array(body.utf8), status: 400, code: "INVALID_ARGUMENT")
                #expect(answer.json["errors"]?[0]?["field"] == .string(field), "\(body.prefix(60))")
            }
        }
    }

    @Test(arguments: ["text/plain", "application/xml", "", "multipart/form-data; boundary=x", "application/jsonp"])
    func otherMediaTypesAreRefused(type: String) async throws {
        try await TestDaemon.run { daemon in
            let fields = Self.actor.merging(["Content-Type": type]) { $1 }
            _ = try await Self.expectProblem(
                daemon, "POST", "/v1/posts", fields, body: Array(#"{"text":"x"}"#.utf8), status: 415,
                code: "UNSUPPORTED_MEDIA_TYPE")
        }
    }

    @Test(arguments: [
        "application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=y",
    ])
    func JSONIsAcceptedInEveryWriting(type: String) async throws {
        try await TestDaemon.run { daemon in
            let fields = Self.actor.merging(["Content-Type": type]) { $1 }
            let answer = try await daemon.http().request("POST", "/v1/posts", fields, json: #"{"text":"x"}"#)
            #expect(answer.status == 201)
        }
    }

    @Test func bodiesThatAreTooLargeAreRefused() async throws {
        try await TestDaemon.run(configure: { try $0.set("http.bodyBytes", "1000") }) { daemon in
            let fits = #"{"text":"\#(String(repeating: "x", count: 1_000 - 11))"}"#
            let accepted = try await daemon.http().request("POST", "/v1/posts", Self.actor, json: fits)
            #expect(accepted.status == 201)
            _ = try await Self.expectProblem(
                daemon, "POST", "/v1/posts", Self.actor, body: Array((fits + " ").utf8), status: 413,
                code: "BODY_TOO_LARGE")
            // Only the length is declared; the body would never come.
            let declared = try daemon.http()
            let head = "POST /v1/posts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            try await declared.send(Array((head + "Content-Length: 99999999999\r\n\r\n").utf8))
            #expect(try await declared.answer().status == 413)
            // No length is declared: the limit counts what comes.
            let chunked = try daemon.http()
            let chunk = "400\r\n\(String(repeating: " ", count: 1_024))\r\n"
            try await chunked.send(
                Array(
                    ("POST /v1/posts HTTP/1.1\r\nHost: x\r\nX-Actor-Id: 1\r\nContent-Type: application/json\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n\(chunk)").utf8))
            #expect(try await chunked.answer().status == 413)
            try await daemon.expectAnswers()
        }
    }

    @Test func routesThatAreNotThere() async throws {
        try await TestDaemon.run { daemon in
            for target in [
                "/", "/v1", "/v1/", "/v1/user/1", "/v1/users/1/", "/v1//posts", "/V1/posts", "/v1/colours", "/v2/posts",
                "/v1/users/1/feed/more", "/admin/state-digest", "/../../etc/passwd", "/v1/../admin/config",
                "/%2e%2e/%2e%2e/etc/passwd", "/v1/posts/1/..", "//v1/posts", "/openapi.json/",
            ] {
                _ = try await Self.expectProblem(daemon, "GET", target, status: 404, code: "NO_SUCH_ROUTE")
            }
            let long = "/" + String(repeating: "a/", count: 1_000)
            _ = try await Self.expectProblem(daemon, "GET", long, status: 400, code: "PATH_TOO_LONG")
        }
    }

    @Test func pathsThatAreNoValues() async throws {
        try await TestDaemon.run { daemon in
            for target in [
                "/v1/users/alice", "/v1/users/-1", "/v1/users/1.5", "/v1/users/%00", "/v1/users/1%2F2", "/v1/users/..",
                "/v1/users/../posts",
                "/v1/users/18446744073709551616", "/v1/users/99999999999999999999999999", "/v1/users/0x10",
                "/v1/users/+1",
            ] {
                let answer = try await Self.expectProblem(daemon, "GET", target, status: 400, code: "INVALID_ARGUMENT")
                #expect(answer.json["errors"]?[0]?["field"] == .string("userId"))
            }
            for target in ["/v1/users/%", "/v1/users/%4", "/v1/users/%zz", "/v1/users/%ff"] {
                _ = try await Self.expectProblem(daemon, "GET", target, status: 400, code: "MALFORMED_PATH")
            }
        }
    }

    @Test func queriesThatAreNoValues() async throws {
        try await TestDaemon.run { daemon in
            for (query, field) in [
                ("limit=1&limit=2", "limit"), ("colour=red", "colour"), ("userId=2", "userId"),
                ("hydrate=yes", "hydrate"),
                ("order=BEST", "order"), ("cursor=%zz", "cursor"), ("%zz=1", ""),
                ("cursor=\(String(repeating: "c", count: 1_025))", "cursor"),
            ] {
                let answer = try await Self.expectProblem(
                    daemon, "GET", "/v1/users/1/feed?\(query)", status: 400, code: "INVALID_ARGUMENT")
                #expect(answer.json["errors"]?[0]?["field"] == .string(field), "\(query.prefix(40)): \(answer.text)")
            }
            let many = (1...501).map(String.init).joined(separator: ",")
            let ids = try await Self.expectProblem(
                daemon, "GET", "/v1/posts?ids=\(many)", status: 400, code: "INVALID_ARGUMENT")
            #expect(ids.json["errors"]?[0]?["field"] == .string("ids"))
        }
    }

    @Test(arguments: [
        ("PUT", "/v1/posts", "GET, POST"), ("PATCH", "/v1/users/1/followers", "GET"),
        ("POST", "/v1/users/1/following/2", "DELETE, PUT"),
        ("DELETE", "/v1/users/1/feed", "GET"), ("OPTIONS", "/v1/posts", "GET, POST"),
        ("PURGE", "/v1/posts/1", "DELETE, GET, PATCH"),
    ])
    func otherMethodsAreToldWhichThereAre(method: String, target: String, allow: String) async throws {
        try await TestDaemon.run { daemon in
            let answer = try await Self.expectProblem(
                daemon, method, target, status: 405, code: "METHOD_NOT_ALLOWED")
            #expect(answer.field("Allow") == allow)
        }
    }
}
