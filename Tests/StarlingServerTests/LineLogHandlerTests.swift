import Logging
import StarlingTestSupport
import Synchronization
import Testing

@testable import StarlingServer

@Suite struct LineLogHandlerTests {
    /// Keeps what is written.
    private final class Lines: Sendable {
        private let content = Mutex("")
        var text: String { content.withLock { $0 } }

        func logger(_ threshold: LineLogHandler.Threshold = .init(.trace)) -> Logger {
            Logger(label: "test") { _ in
                LineLogHandler(
                    threshold: threshold, time: { "T" }, write: { line in self.content.withLock { $0 += line } })
            }
        }
    }

    @Test func aLineHasTimeLevelTextAndFields() {
        let lines = Lines()
        lines.logger().info("ready", metadata: ["port": "80", "path": "a b", "empty": "", "quote": "say \"x\""])
        #expect(lines.text == "T info ready empty=\"\" path=\"a b\" port=80 quote=\"say \\\"x\\\"\"\n")
    }

    /// Whatever a client sends stays in its line, and cannot speak to the terminal.
    @Test(arguments: [
        "\n", "\r", "\u{1b}[2J", "\u{0}", "\u{7f}", "\u{85}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{9b}31m", "\r\n",
    ])
    func controlCharactersAreEscaped(text: String) {
        let lines = Lines()
        lines.logger().warning("from \(text) there", metadata: ["field": "x\(text)y", "na\(text)me": "z"])
        #expect(lines.text.hasSuffix("\n") && lines.text.split(whereSeparator: \.isNewline).count == 1)
        for scalar in text.unicodeScalars where !(" "..."~").contains(scalar) {
            #expect(!lines.text.dropLast().unicodeScalars.contains(scalar))
            #expect(lines.text.contains("\\u{\(String(scalar.value, radix: 16))}"))
        }
    }

    @Test(arguments: ["token", "accessToken", "Authorization", "cookie", "Set-Cookie", "password", "idempotencyKey"])
    func secretsAreNotWritten(name: String) {
        let lines = Lines()
        lines.logger().error("refused", metadata: ["\(name)": "hunter2", "user": "7"])
        #expect(!lines.text.contains("hunter2") && lines.text.contains("user=7"))
    }

    @Test func theLevelChangesForAllLoggers() {
        let lines = Lines()
        let threshold = LineLogHandler.Threshold(.warning)
        let (one, two) = (lines.logger(threshold), lines.logger(threshold))
        one.info("no")
        #expect(lines.text.isEmpty)
        threshold.current = .info
        two.info("yes")
        #expect(!lines.text.isEmpty)
    }

    /// What clients send as secrets reaches no line, whatever the level and however broken the request is.
    @Test func requestsLeaveNoSecretsInTheLog() async throws {
        let (lines, directory) = (Lines(), try TemporaryDirectory())
        let daemon = TestDaemon(
            daemon: try await Daemon.start(
                try TestDaemon.configuration(directory), logger: lines.logger(), onFailure: { _ in }))
        let http = try daemon.http()
        let fields = ["Authorization": "Bearer hunter2", "Cookie": "session=hunter2", "Idempotency-Key": "hunter2"]
        for target in ["/v1/posts", "/v1/nowhere", "/livez", "/v1/users/x/feed"] {
            _ = try await http.request("POST", target, fields, json: #"{"password":"hunter2"}"#)
        }
        let bad = try StreamSocket(port: daemon.daemon.http.port)
        try await bad.send("GET / HTTP/1.1\r\nAuthorization: hunter2\r\nbroken\r\n\r\n")
        _ = try await bad.receiveToEnd()
        let frames = try WireConnection(daemon)
        try await frames.send([0xfb, 0x53, 0x54, 0x4c, 1, 1, 0, 0, 7, 0] + Array("hunter2".utf8))
        _ = try await frames.preface()
        try await frames.send([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
        try await daemon.daemon.shutDown()
        #expect(!lines.text.contains("hunter2"))
    }
}
