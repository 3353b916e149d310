import Foundation
import StarlingTestSupport
import Synchronization
import Testing

/// What the commands say of a log that was killed, damaged, or cut.
@Suite struct DamageTests {
    private let directory = try? TemporaryDirectory()

    private var data: String { get throws { try #require(directory).path + "/data" } }

    /// Every file below the data directory with its content.
    private func files() throws -> [String: Data] {
        let data = try data
        var files: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: data) {
            files[path] = FileManager.default.contents(atPath: "\(data)/\(path)")
        }
        return files
    }

    /// The name of the log's first segment.
    private func segment() throws -> String {
        let path = try #require(files().keys.filter { $0.hasSuffix(".seg") }.min())
        return String(path.dropFirst("log/".count))
    }

    /// A directory with fifty posts, closed cleanly.
    private func write() async throws {
        let serving = try await ServingCommand.start(data)
        let http = try HTTPConnection(port: serving.http)
        for number in 1...50 {
            let made = try await http.request(
                "POST", "/v1/posts", ["X-Actor-Id": "1"], json: #"{"text":"post \#(number)"}"#)
            #expect(made.status == 201)
        }
        #expect(await serving.terminate().code == 0)
    }

    @Test func damageIsRefusedAndLeftAsItIs() async throws {
        try await write()
        let name = try segment()
        let path = try "\(data)/log/\(name)"
        var bytes = try #require(FileManager.default.contents(atPath: path))
        // In the middle of a record: a marker between batches holds none that could be named.
        let words = try #require(bytes.range(of: Data("post 25".utf8)))
        bytes[words.lowerBound] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: path))
        let before = try files()
        let served = try await RunningCommand(ServingCommand.arguments(data)).ending()
        #expect(served.code == 65 && served.output.isEmpty)
        #expect(
            served.lastError.contains(name) && served.lastError.contains("lsn")
                && served.lastError.contains("Nothing was changed"))
        #expect(try await StarlingCommand.run("digest", data).code == 65)
        let verified = try await StarlingCommand.run("verify", data, "--json")
        #expect(verified.code == 65 && verified.json["exitCode"] == .number(65))
        #expect(verified.json["segments"]?[0]?["damage"]?["reason"]?.string?.isEmpty == false)
        #expect(try await StarlingCommand.run("verify", data).output.contains("DAMAGED"))
        let dumped = try await StarlingCommand.run("log", "dump", data, "--json")
        #expect(dumped.code == 65, "what is whole is printed, and then it fails")
        #expect(dumped.lines.count == 24)
        #expect(try files() == before, "nobody has touched the log")
    }

    @Test func aLogWithoutItsEndIsRefused() async throws {
        try await write()
        let path = try "\(data)/log/\(segment())"
        let bytes = try #require(FileManager.default.contents(atPath: path))
        try bytes[..<1_000].write(to: URL(fileURLWithPath: path))
        let before = try files()
        let served = try await RunningCommand(ServingCommand.arguments(data)).ending()
        #expect([65, 66].contains(served.code), "\(served.errors)")
        #expect(try await StarlingCommand.run("verify", data).code == served.code)
        #expect(try files() == before)
    }

    /// Fifty posts with a snapshot in the middle; the directory is looked at beside the daemon, and after it.
    @Test func snapshotsAreListedAndComparedWithTheLog() async throws {
        let serving = try await ServingCommand.start(data)
        let http = try HTTPConnection(port: serving.http)
        let admin = try HTTPConnection(port: serving.admin)
        for number in 1...50 {
            _ = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "1"], json: #"{"text":"post \#(number)"}"#)
            if number == 20 || number == 40 { _ = try await admin.request("POST", "/admin/snapshot", json: "{}") }
        }
        let beside = try await StarlingCommand.run("verify", data, "--deep", "--json")
        #expect(beside.code == 0 && beside.json["status"] == .string("whole"), "\(beside.output)\(beside.errors)")
        let digest = try await StarlingCommand.run("digest", data)
        let state = try await serving.admin("/admin/state-digest").json
        #expect(digest.code == 0 && digest.output == "\(state["digest"]?.string ?? "") lsn=50\n")
        #expect(await serving.terminate().code == 0)

        let before = try files()
        let whole = try await StarlingCommand.run("verify", data, "--deep")
        #expect(whole.code == 0 && !whole.output.contains("DEGRADED"))
        let lines = whole.lines.filter { $0.hasPrefix("snapshot ") }
        #expect(lines.map { $0.prefix(12) } == ["snapshot 40:", "snapshot 20:"])
        #expect(lines.allSatisfy { $0.contains("2 workers") && $0.contains("whole, the state that the log gives") })
        #expect(try await StarlingCommand.run("digest", data, "--workers", "3").output == digest.output)
        #expect(try files() == before, "looking changes nothing")

        let name = try #require(before.keys.first { $0.hasSuffix("040-001.pages") })
        var bytes = try #require(before[name])
        bytes[5_000] ^= 4
        try bytes.write(to: URL(fileURLWithPath: "\(data)/\(name)"))
        let degraded = try await StarlingCommand.run("verify", data)
        #expect(degraded.code == 0, "the log stands for everything")
        #expect(degraded.lines.last?.hasPrefix("DEGRADED: 1 of 2 snapshots") == true)
        let json = try await StarlingCommand.run("log", "verify", data, "--json").json
        #expect(json["status"] == .string("degraded") && json["exitCode"] == .number(0))
        let damage = json["snapshots"]?[0]?["damage"]
        #expect("snapshots/" + (damage?["file"]?.string ?? "") == name)
        #expect(damage?["place"]?.string?.isEmpty == false)
        #expect(json["snapshots"]?[1]?["status"] == .string("whole"))
        let again = try await StarlingCommand.run("digest", data)
        #expect(again.code == 0 && again.output == digest.output, "the older snapshot and the log give the same")
        #expect(again.errors.contains(name.dropFirst("snapshots/".count)))
    }

    @Test func aDirectoryThatIsNotThereIsNamed() async throws {
        for arguments in [["digest"], ["verify"], ["log", "dump"]] {
            let ending = try await RunningCommand(arguments + ["/no/such/directory"]).ending()
            #expect(ending.code == 66, "\(arguments): \(ending.output)\(ending.errors)")
            #expect((ending.output + ending.errors).contains("/no/such/directory"), "\(arguments)")
        }
        #expect(!FileManager.default.fileExists(atPath: "/no"))
    }

    /// Writers on several connections, killed in the middle; what was acknowledged is there, each once, and the digest
    /// that `starling digest` computes from the log is the one that the next daemon has.
    @Test(arguments: ["disk", "os"]) func acknowledgedWritesOutliveAKill(level: String) async throws {
        let serving = try await ServingCommand.start(data, "--ack", level)
        let acknowledged = try await withThrowingTaskGroup(of: [String: String].self) { group in
            for writer in 1...4 {
                group.addTask { await Self.post(serving, writer) }
            }
            var all: [String: String] = [:]
            try await serving.command.waits(for: "some writes") { Self.acknowledgedCount.load(serving.http) >= 40 }
            _ = await serving.crash()
            for try await written in group { all.merge(written) { $1 } }
            return all
        }
        #expect(acknowledged.count >= 40)
        let verified = try await StarlingCommand.run("verify", data, "--deep", "--json")
        #expect(verified.code == 0 && verified.json["exitCode"] == .number(0))
        let digest = try await StarlingCommand.run("digest", data)
        let again = try await ServingCommand.start(data)
        #expect(again.command.errors.contains("previous exit"))
        for (key, id) in acknowledged {
            let writer = key.prefix { $0 != " " }
            let repeated = try await again.http(
                "POST", "/v1/posts", ["X-Actor-Id": String(writer), "Idempotency-Key": key],
                json: #"{"text":"\#(key)"}"#)
            #expect(repeated.field("Idempotent-Replayed") == "true" && repeated.json["post"]?["id"] == .string(id))
        }
        let state = try await again.admin("/admin/state-digest").json
        let lsn = try #require(state["workers"]?[0]?["appliedLsn"]?.string)
        #expect(digest.output == "\(state["digest"]?.string ?? "") lsn=\(lsn)\n")
        #expect(await again.terminate().code == 0)
    }

    private static let acknowledgedCount = CountByPort()

    /// Posts until the connection breaks; returns ids by key.
    private static func post(_ serving: ServingCommand, _ writer: Int) async -> [String: String] {
        var written: [String: String] = [:]
        guard let http = try? HTTPConnection(port: serving.http) else { return written }
        while written.count < 2_000 {
            let key = "\(writer) number \(written.count)"
            let fields = ["X-Actor-Id": "\(writer)", "Idempotency-Key": key]
            guard let answer = try? await http.request("POST", "/v1/posts", fields, json: #"{"text":"\#(key)"}"#),
                answer.status == 201, let id = answer.json["post"]?["id"]?.string
            else { break }
            written[key] = id
            acknowledgedCount.add(serving.http)
        }
        return written
    }
}

/// Counts, one for each daemon.
private final class CountByPort: Sendable {
    private let counts = Mutex<[Int: Int]>([:])

    func add(_ port: Int) { counts.withLock { $0[port, default: 0] += 1 } }

    func load(_ port: Int) -> Int { counts.withLock { $0[port] ?? 0 } }
}
