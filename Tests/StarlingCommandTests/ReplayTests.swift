import Foundation
import StarlingTestSupport
import Testing

/// `starling replay`, on made graphs and on files.
@Suite struct ReplayTests {
    private let directory = try? TemporaryDirectory()

    private func path(_ name: String) throws -> String { try #require(directory).path + "/" + name }

    /// A graph small enough to be replayed in a second, large enough to be interrupted.
    private static func arguments(_ data: String, _ more: [String] = []) -> [String] {
        [
            "replay", "--users", "300", "--mean-followers", "12", "--post-count", "3000", "--seed", "5", "--json",
            "--data", data,
        ]
            + more
    }

    private static func replay(_ data: String, _ more: String...) async throws -> Ending {
        try await RunningCommand(arguments(data, more)).ending()
    }

    /// What the log says was followed and posted, and what that comes to by the definition.
    private struct Facts {
        var edges: Set<[String]> = []
        var followers: [String: Int] = [:]
        var posts = 0
        var deliveries = 0
        var lsns: [Int] = []

        init(data: String) async throws {
            let dump = try await StarlingCommand.run("log", "dump", data, "--json")
            #expect(dump.code == 0 && dump.errors.isEmpty)
            for line in dump.lines {
                let record = try JSONValue(parsing: Array(line.utf8))
                lsns.append(try #require(record["lsn"]?.string.flatMap { Int($0) }))
                #expect(record["chain"]?.string?.count == 16 && record["time"]?.number != nil)
                switch record["type"]?.string {
                case "follows_imported":
                    let users = record["userIds"]?.string?.split(separator: ",") ?? []
                    let targets = record["targetIds"]?.string?.split(separator: ",") ?? []
                    for (user, target) in zip(users, targets) {
                        #expect(edges.insert([String(user), String(target)]).inserted, "an edge is in the log once")
                        followers[String(target), default: 0] += 1
                    }
                case "post_created":
                    posts += 1
                    deliveries += followers[record["authorId"]?.string ?? "", default: 0]
                    #expect(record["bodyHash"]?.string?.count == 32)
                case let type: #expect(type == "fanout_mode_changed")
                }
            }
        }
    }

    @Test(arguments: ["10000", "20"]) func deliveriesAreTheFollowersOfEachPost(threshold: String) async throws {
        let data = try path("data")
        let ending = try await Self.replay(data, "--celebrity-threshold", threshold, "--workers", "2")
        #expect(ending.code == 0, "\(ending.errors)")
        let report = ending.json
        let facts = try await Facts(data: data)
        #expect(facts.lsns == Array(1...facts.lsns.count), "positions are dense")
        func count(_ name: String) -> Int { report[name]?.number.map { Int($0) } ?? -1 }
        #expect(count("edges") == facts.edges.count && count("posts") == facts.posts && facts.posts == 3_000)
        #expect(count("pushed") + count("pull") + count("skippedAway") == facts.deliveries)
        #expect((count("pull") > 0) == (threshold == "20"), "pulled authors only with the low threshold")
        #expect(count("refusedFollows") == 0 && count("refusedPosts") == 0)
        #expect(report["sample"]?.array?.count == 10)
        #expect(ending.errors.contains("follows [") && ending.errors.contains("posts   ["), "bars")
        let digest = try await StarlingCommand.run("digest", data)
        #expect(digest.output == "\(report["digest"]?.string ?? "") lsn=\(facts.lsns.count)\n")
    }

    @Test func theTextSaysTheSame() async throws {
        let arguments = Self.arguments(try path("data")).filter { $0 != "--json" }
        let ending = try await RunningCommand(arguments).ending()
        for word in ["replayed into embedded engine", "deliveries", "fan-out", "digest", "feed of user"] {
            #expect(ending.output.contains(word))
        }
        #expect(ending.code == 0 && ending.output.contains("posts        3,000"))
    }

    /// Killed in the middle and resumed, the state is that of a run that nobody disturbed, for every number of workers.
    @Test(arguments: [1, 2, 4]) func aKilledReplayCanBeResumed(workers: Int) async throws {
        let (whole, killed) = (try path("whole"), try path("killed"))
        let graph = ["--mean-followers", "4", "--post-count", "10000", "--workers", "\(workers)"]
        let undisturbed = try await RunningCommand(Self.arguments(whole, graph + ["--ack", "memory"])).ending()
        // One row at a time and each of them flushed, so that there is a middle.
        let running = try RunningCommand(Self.arguments(killed, graph + ["--batch", "1", "--in-flight", "1"]))
        // The edges are at most 1,200 writes to the log; the rest are posts.
        let target = 1_300 + 300 * workers
        try await running.waits(for: "\(target) writes") { running.writeCalls >= target }
        running.send(SIGKILL)
        #expect(await running.ending().code == nil, "it was killed before its end")
        let refused = try await Self.replay(killed)
        #expect(refused.code == 64 && refused.lastError.contains("--resume"))
        let resumed = try await RunningCommand(Self.arguments(killed, graph + ["--resume", "--batch", "20"])).ending()
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect((1..<10_000).contains(resumed.json["skippedPosts"]?.number ?? 0))
        #expect(resumed.json["posts"] == .number(10_000))
        #expect(resumed.json["digest"] == undisturbed.json["digest"] && undisturbed.json["digest"]?.string?.count == 32)
        #expect(resumed.json["sample"] == undisturbed.json["sample"])
        // Once more there is nothing left to do.
        let again = try await RunningCommand(Self.arguments(killed, graph + ["--resume"])).ending()
        #expect(again.json["skippedPosts"] == .number(10_000) && again.json["digest"] == undisturbed.json["digest"])
    }

    @Test func aReplayOfOtherDataIsNotResumed() async throws {
        let data = try path("data")
        #expect(try await Self.replay(data).code == 0)
        let ending = try await Self.replay(data, "--resume", "--seed", "6")
        #expect(ending.code == 64 && ending.lastError.contains("another replay"), "\(ending.errors)")
    }

    @Test func aDaemonGetsTheSameState() async throws {
        let embedded = try await Self.replay(try path("embedded"))
        let serving = try await ServingCommand.start(try path("served"), "--ack", "os")
        let remote = try await Self.replay(try path("unused"), "--to", "127.0.0.1:\(serving.tcp)")
        #expect(remote.code == 0, "\(remote.errors)")
        for name in ["digest", "edges", "posts", "pushed", "pull", "sample"] {
            #expect(remote.json[name] == embedded.json[name] && remote.json[name] != nil, "\(name)")
        }
        #expect(try await serving.admin("/admin/state-digest").json["digest"] == embedded.json["digest"])
        #expect(try !FileManager.default.fileExists(atPath: path("unused")))
        let refused = try await Self.replay(try path("unused"), "--to", "127.0.0.1:\(serving.tcp)")
        #expect(refused.code == 64, "the daemon holds data already")
        #expect(await serving.terminate().code == 0)
        let gone = try await Self.replay(try path("unused"), "--to", "127.0.0.1:\(serving.tcp)")
        #expect(gone.code == 75 && gone.lastError.contains("127.0.0.1:\(serving.tcp)"))
    }
}
