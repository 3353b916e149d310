import StarlingClient
import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingSystem
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Starting, stopping, and starting again.
@Suite struct DaemonLifecycleTests {
    @Test func whatWasWrittenIsThereAfterARestart() async throws {
        let directory = try TemporaryDirectory()
        var digest: JSONValue?
        var post: JSONValue?
        try await TestDaemon.run(in: directory) { daemon in
            let http = try daemon.http()
            _ = try await http.request("PUT", "/v1/users/1/following/2")
            let made = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "2"], json: #"{"text":"stays"}"#)
            post = made.json["post"]
            digest = try await daemon.admin().request("GET", "/admin/state-digest").json["digest"]
        }
        #expect(LogVerifier.verify(directory: directory.path + "/data", disk: PosixDisk(), deep: true).endsClean)
        for workers in ["1", "2", "5"] {
            try await TestDaemon.run(in: directory, configure: { try $0.set("workers", workers) }) { daemon in
                let again = try await daemon.admin().request("GET", "/admin/state-digest").json
                #expect(again["digest"] == digest && again["workers"]?.array?.count == Int(workers))
                let feed = try await daemon.http().request("GET", "/v1/users/1/feed").json
                #expect(feed["items"]?[0]?["post"] == post && feed["items"]?.array?.count == 1)
            }
        }
    }

    @Test func twoDaemonsCannotShareADirectory() async throws {
        let directory = try TemporaryDirectory()
        try await TestDaemon.run(in: directory) { daemon in
            let error = await #expect(throws: EngineOpenError.self) { try await TestDaemon.run(in: directory) { _ in } }
            #expect(error?.exitCode == 73)
            try await daemon.expectAnswers()
        }
    }

    @Test(arguments: ["http.listen", "tcp.listen", "admin.listen"]) func aPortThatIsTakenIsNamed(key: String)
        async throws
    {
        try await TestDaemon.run { first in
            let taken = "127.0.0.1:\(first.daemon.http.port)"
            let directory = try TemporaryDirectory()
            let error = await #expect(throws: ListenError.self) {
                try await TestDaemon.run(in: directory, configure: { try $0.set(key, taken) }) { _ in }
            }
            #expect(error?.address == ListenAddress(taken))
            // Nothing of the failed start is left: the directory opens, and the first daemon answers.
            try await TestDaemon.run(in: directory) { try await $0.expectAnswers() }
            try await first.expectAnswers()
        }
    }

    /// Everything that was asked before the end is answered, and every answer that says so is in the log.
    @Test func theEndAnswersWhatWasAsked() async throws {
        let directory = try TemporaryDirectory()
        let daemon = try await TestDaemon.start(in: directory)
        let client = try await daemon.client()
        let outcomes = await withTaskGroup(of: String.self) { group in
            for number in 0..<400 { group.addTask { await Self.outcome(ofPost: number, client) } }
            group.addTask {
                do { try await daemon.daemon.shutDown() } catch { return "\(error)" }
                return "ended"
            }
            return await group.reduce(into: [:] as [String: Int]) { $0[$1, default: 0] += 1 }
        }
        let accepted = outcomes["accepted"] ?? 0
        #expect(Set(outcomes.keys).isSubset(of: ["accepted", "ended", "lost", "503 not accepted"]), "\(outcomes)")
        #expect(outcomes["ended"] == 1 && outcomes.values.reduce(0, +) == 401)
        try await TestDaemon.run(in: directory) { daemon in
            let totals = try await daemon.admin().request("GET", "/admin/quiesce").json["totals"]
            let posts = try #require(totals?["posts"]?.string.flatMap { Int($0) })
            // A request whose connection ended unanswered may have been carried out.
            #expect((accepted...400).contains(posts))
        }
    }

    private static func outcome(ofPost number: Int, _ client: Client) async -> String {
        let request = Starling_V1_CreatePostRequest.with {
            $0.authorID = 1
            $0.text = "post \(number)"
        }
        do throws(ClientError) {
            _ = try await client.call("CreatePost", request, answer: Starling_V1_CreatePostResponse.self)
            return "accepted"
        } catch {
            switch error {
            case .problem(let problem) where problem.hasAccepted && !problem.accepted:
                return "\(problem.status) not accepted"
            case .connectionLost: return "lost"
            default: return "\(error)"
            }
        }
    }

    /// A key file that is damaged or too short is not taken for a key.
    @Test func aCursorKeyThatIsTooShortIsMadeAnew() async throws {
        let directory = try TemporaryDirectory()
        try await TestDaemon.run(in: directory) { _ in }
        let disk = PosixDisk()
        let path = directory.path + "/data/cursor.key"
        let file = try disk.open(path, .readWrite)
        try file.truncate(5)
        file.close()
        try await TestDaemon.run(in: directory) { daemon in
            #expect(try SecretKey.load(directory: directory.path + "/data", disk: disk).count == 32)
            try await daemon.expectAnswers()
        }
    }
}
