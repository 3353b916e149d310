import Logging
import StarlingClient
import StarlingSchema
import StarlingTestSupport
import Testing

@testable import StarlingServer

/// A daemon in this process, with listeners on free ports and tables small enough for a test.
struct TestDaemon: Sendable {
    let daemon: Daemon

    /// Runs `body` with a daemon on `directory` (a new one when nil), and ends the daemon in good order.
    static func run(
        in directory: TemporaryDirectory? = nil, configure: (inout DaemonConfiguration) throws -> Void = { _ in },
        _ body: (TestDaemon) async throws -> Void
    ) async throws {
        let directory = try directory ?? TemporaryDirectory()
        let daemon = try await start(in: directory, configure: configure)
        do {
            try await body(daemon)
        } catch {
            try await daemon.daemon.shutDown()
            throw error
        }
        try await daemon.daemon.shutDown()
    }

    /// Starts a daemon that the caller shuts down.
    static func start(
        in directory: TemporaryDirectory, configure: (inout DaemonConfiguration) throws -> Void = { _ in }
    ) async throws -> TestDaemon {
        var configuration = try configuration(directory)
        try configure(&configuration)
        let daemon = try await Daemon.start(configuration, logger: silent) { reason in
            Issue.record("the log failed: \(reason)")
        }
        return TestDaemon(daemon: daemon)
    }

    static func configuration(_ directory: TemporaryDirectory) throws -> DaemonConfiguration {
        var configuration = DaemonConfiguration(processors: 2)
        configuration.data = directory.path + "/data"
        for (key, value) in [
            ("http.listen", "127.0.0.1:0"), ("tcp.listen", "127.0.0.1:0"), ("admin.listen", "127.0.0.1:0"),
            ("memory.arenaBytes", "1073741824"), ("memory.hugePages", "false"), ("limits.users", "1000000"),
            ("limits.posts", "1000000"), ("log.segmentBytes", "1048576"), ("ack", "os"),
        ] { try configuration.set(key, value) }
        return configuration
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    func http() throws -> HTTPConnection { try HTTPConnection(port: daemon.http.port) }

    func admin() throws -> HTTPConnection { try HTTPConnection(port: daemon.admin.port) }

    func client(token: String = "") async throws -> Client {
        try await Client.connect(host: "127.0.0.1", port: daemon.tcp.port, token: token)
    }

    /// The TCP door, byte by byte.
    func socket(receiveBufferBytes: Int32? = nil) throws -> StreamSocket {
        try StreamSocket(port: daemon.tcp.port, receiveBufferBytes: receiveBufferBytes)
    }

    /// The daemon takes new connections at both doors and answers over them.
    func expectAnswers(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let health = try await http().request("GET", "/livez")
        #expect(health.status == 200, sourceLocation: sourceLocation)
        let client = try await client()
        let answer = try await client.call(
            "GetPosts", Starling_V1_GetPostsRequest(), answer: Starling_V1_GetPostsResponse.self)
        #expect(answer.items.isEmpty, sourceLocation: sourceLocation)
        await client.close()
    }
}
