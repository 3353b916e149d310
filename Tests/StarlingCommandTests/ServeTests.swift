import Foundation
import StarlingTestSupport
import Testing

/// `starling serve`: how it begins, how it ends, and what it says when it cannot.
@Suite struct ServeTests {
    private let directory = try? TemporaryDirectory()

    private var data: String { get throws { try #require(directory).path + "/data" } }

    @Test func itSaysWhenItIsReady() async throws {
        let serving = try await ServingCommand.start(data)
        let pattern = #/ready http=127\.0\.0\.1:\d+ tcp=127\.0\.0\.1:\d+ admin=127\.0\.0\.1:\d+ lsn=0/#
        #expect(serving.ready.wholeMatch(of: pattern) != nil, "\(serving.ready)")
        #expect(Set([serving.http, serving.tcp, serving.admin]).count == 3)
        let answer = try await serving.http("GET", "/readyz")
        #expect(answer.status == 200)
        let ending = await serving.terminate()
        #expect(ending.code == 0)
        #expect(ending.output == serving.ready + "\n", "nothing else on standard output")
        #expect(ending.lastError.contains("stopped cleanly"))
    }

    @Test func aCleanEndIsMarkedInTheLog() async throws {
        let serving = try await ServingCommand.start(data)
        let made = try await serving.http("POST", "/v1/posts", ["X-Actor-Id": "1"], json: #"{"text":"x"}"#)
        #expect(made.json["durability"] == .string("DISK"), "the default")
        let open = try await StarlingCommand.run("verify", data)
        #expect(open.code == 0 && open.output.contains("not closed cleanly, or still open"))
        #expect(await serving.terminate().code == 0)
        let verified = try await StarlingCommand.run("verify", data, "--deep")
        #expect(
            verified.code == 0 && verified.output.contains("closed cleanly") && !verified.output.contains("not closed"))
        let again = try await ServingCommand.start(data)
        #expect(again.ready.hasSuffix("lsn=1") && again.command.errors.contains("previous exit clean"))
        #expect(await again.terminate().code == 0)
    }

    @Test func interruptEndsItCleanlyToo() async throws {
        let serving = try await ServingCommand.start(data)
        serving.command.send(SIGINT)
        #expect(await serving.command.ending().code == 0)
    }

    /// A client that has sent half a request, and one that says nothing, do not keep it from ending within the ten
    /// seconds that are promised; `receiveToEnd` fails after ten.
    @Test(arguments: ["GET /livez HTTP/1.1\r\nHo", "POST /v1/posts HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"])
    func halfSentRequestsDoNotKeepItFromEnding(request: String) async throws {
        let serving = try await ServingCommand.start(data)
        let (half, silent) = (try StreamSocket(port: serving.http), try StreamSocket(port: serving.tcp))
        try await half.send(request)
        #expect(try await serving.http("GET", "/livez").status == 200)
        serving.command.send(SIGTERM)
        _ = try await half.receiveToEnd()
        _ = try await silent.receiveToEnd()
        #expect(await serving.command.ending().code == 0)
    }

    /// The first signal waits for a read that is in flight; the second does not.
    @Test func theSecondSignalEndsItAtOnce() async throws {
        let serving = try await ServingCommand.start(data)
        let waiting = try StreamSocket(port: serving.http)
        try await waiting.send("POST /v1/posts HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        #expect(try await serving.http("GET", "/livez").status == 200)
        serving.command.send(SIGTERM)
        try await serving.command.waits(for: "the first signal's line") { serving.command.errors.contains("stopping") }
        serving.command.send(SIGTERM)
        let ending = await serving.command.ending()
        #expect(ending.code == 128 + SIGTERM && ending.lastError.contains("second signal"))
        #expect(try await StarlingCommand.run("verify", data).code == 0)
    }

    @Test func aSecondDaemonOnTheDirectoryIsRefused() async throws {
        let serving = try await ServingCommand.start(data)
        let second = try await RunningCommand(ServingCommand.arguments(data)).ending()
        #expect(second.code == 73 && second.output.isEmpty)
        #expect(second.lastError.contains("lock"), "\(second.errors)")
        #expect(try await serving.http("GET", "/livez").status == 200)
        #expect(await serving.terminate().code == 0)
    }

    @Test(arguments: ["http", "tcp", "admin"]) func aPortThatIsTakenIsNamed(listener: String) async throws {
        let serving = try await ServingCommand.start(data)
        let other = try TemporaryDirectory()
        let taken = "127.0.0.1:\(serving.http)"
        let ending = try await RunningCommand(ServingCommand.arguments(other.path, ["--\(listener)", taken])).ending()
        #expect(ending.code == 75 && ending.output.isEmpty)
        #expect(ending.lastError.contains(taken), "\(ending.errors)")
        #expect(await serving.terminate().code == 0)
    }

    @Test func aBadConfigurationIsRefused() async throws {
        let file = try #require(directory).path + "/starling.yaml"
        for (text, named) in [
            ("workers: 0\n", "workers"), ("fanout:\n  celebrityTreshold: 5\n", "fanout.celebrityTreshold"),
            ("workers: [1, 2]\n", "workers"), ("workers: {\n", file), ("- workers\n", file),
            ("http: {listen: 0.0.0.0:1}\n", "http.listen"),
        ] {
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let ending = try await RunningCommand(["serve", "--data", data, "--config", file]).ending()
            #expect(ending.code == 78 && ending.output.isEmpty, "\(text): \(ending.errors)")
            #expect(ending.lastError.contains(named), "\(text): \(ending.errors)")
        }
        for arguments in [
            ["--set", "workers=many"], ["--set", "colour=red"], ["--workers", "0"], ["--ack", "never"],
            ["--auth", "maybe"],
            ["--http", "0.0.0.0:0"], ["--tcp", "nowhere"], ["--config", "/no/such/file"],
            ["--set", "logging.level=loud"],
        ] {
            let ending = try await RunningCommand(ServingCommand.arguments(data, arguments)).ending()
            #expect(ending.code == 78, "\(arguments): \(ending.errors)")
        }
        #expect(try !FileManager.default.fileExists(atPath: data), "nothing was made")
    }

    @Test(arguments: [
        ["serve", "--nonsense"], ["serve", "--set", "workers"], ["dance"], ["log", "dump"], ["replay", "--batch", "0"],
    ])
    func badUsageIsRefused(arguments: [String]) async throws {
        let ending = try await RunningCommand(arguments).ending()
        #expect(ending.code == 64 && ending.output.isEmpty && ending.errors.contains("sage"), "\(ending.errors)")
    }

    /// The file overrides the defaults, the flags the file, and `--set` the flags.
    @Test func laterSettingsWin() async throws {
        let file = try #require(directory).path + "/starling.yaml"
        try "timeline.cap: 11\nworkers: 5\nfanout: {celebrityThreshold: 7}\nlog:\n  batchBytes: 4096\n"
            .write(toFile: file, atomically: true, encoding: .utf8)
        let serving = try await ServingCommand.start(
            data, "--config", file, "--ack", "memory", "--set", "timeline.cap=22", "--set", "timeline.cap=33")
        let values = try await serving.admin("/admin/config").json["values"]
        #expect(values?["timeline.cap"] == .string("33"))
        #expect(values?["workers"] == .string("2"), "by the flag")
        #expect(values?["fanout.celebrityThreshold"] == .string("7"))
        #expect(values?["log.batchBytes"] == .string("4096") && values?["ack"] == .string("memory"))
        #expect(await serving.terminate().code == 0)
    }

    /// SIGHUP reads the file again: what can change is in force, what cannot is named, and a file that cannot be used changes
    /// nothing.
    @Test func hangUpReadsTheFileAgain() async throws {
        let file = try #require(directory).path + "/starling.yaml"
        func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
        try write("timeline: {cap: 11}\nhttp: {bodyBytes: 1000}\n")
        let serving = try await ServingCommand.start(data, "--config", file)
        func hangUp(_ line: String) async throws {
            serving.command.send(SIGHUP)
            try await serving.command.waits(for: line) { serving.command.errors.contains(line) }
        }
        try write(
            "timeline: {cap: 12}\nhttp: {bodyBytes: 10}\nrateLimits: {rules: [{name: a, key: [ip], rate: 1/h, burst: 2}]}\n"
        )
        try await hangUp("it is in force setting=rateLimits.rules")
        #expect(serving.command.errors.contains("it is in force setting=http.bodyBytes"))
        #expect(serving.command.errors.contains("it needs a restart setting=timeline.cap"))
        let values = try await serving.admin("/admin/config").json["values"]
        #expect(values?["http.bodyBytes"] == .string("10") && values?["timeline.cap"] == .string("11"))
        let large = try await serving.http("POST", "/v1/posts", ["X-Actor-Id": "1"], json: #"{"text":"too large"}"#)
        #expect(large.status == 413 && large.field("RateLimit")?.hasPrefix(#""a";r=1;"#) == true)
        for bad in ["http: {bodyBytes: 0}\n", "colour: red\n", "http: {\n"] {
            let before = serving.command.errors.ranges(of: "nothing was changed").count
            try write(bad)
            serving.command.send(SIGHUP)
            try await serving.command.waits(for: bad) {
                serving.command.errors.ranges(of: "nothing was changed").count > before
            }
        }
        #expect(try await serving.admin("/admin/config").json["values"] == values)
        #expect(await serving.terminate().code == 0)
    }
}
