import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// A daemon with cheap passwords, over HTTP.
struct AccountFixture {
    let daemon: TestDaemon
    let http: HTTPConnection

    static let password = "correct horse"

    static func run(
        auth: Bool, in directory: TemporaryDirectory? = nil, _ body: (AccountFixture) async throws -> Void
    ) async throws {
        try await TestDaemon.run(
            in: directory,
            configure: {
                try $0.set("auth", auth ? "on" : "off")
                try $0.set("auth.scryptCost", "10")
            },
            { daemon in try await body(AccountFixture(daemon: daemon, http: try daemon.http())) })
    }

    /// A session as an answer shows it.
    struct Session: Sendable {
        var user: UInt64
        var access: String
        var refresh: String

        init(_ answer: HTTPAnswer) throws {
            let message = try Starling_V1_SessionResponse(jsonUTF8Bytes: answer.body)
            (user, access, refresh) = (message.user.id, message.accessToken, message.refreshToken)
        }

        var bearer: [String: String] { ["Authorization": "Bearer \(access)"] }
    }

    func post(_ path: String, _ json: String, _ fields: [String: String] = [:]) async throws -> HTTPAnswer {
        try await http.request("POST", path, fields, json: json)
    }

    func register(_ name: String, _ fields: [String: String] = [:]) async throws -> HTTPAnswer {
        try await post(
            "/v1/auth/register",
            #"{"username":"\#(name)","email":"\#(name)@example.org","password":"\#(Self.password)"}"#, fields)
    }

    func session(_ name: String) async throws -> Session { try Session(try await register(name)) }

    func login(_ name: String, _ password: String = password, more: String = "") async throws -> HTTPAnswer {
        try await post("/v1/auth/login", #"{"username":"\#(name)","password":"\#(password)"\#(more)}"#)
    }

    func refresh(_ token: String) async throws -> HTTPAnswer {
        try await post("/v1/auth/refresh", #"{"refreshToken":"\#(token)"}"#)
    }

    func get(_ path: String, _ fields: [String: String] = [:]) async throws -> HTTPAnswer {
        try await http.request("GET", path, fields)
    }

    /// The status of a read that only the session's user may do.
    func feedStatus(_ session: Session) async throws -> Int { try await get("/v1/feed", session.bearer).status }
}

extension HTTPAnswer {
    var code: String { (try? Starling_V1_Problem(jsonUTF8Bytes: body))?.code ?? "" }
}
