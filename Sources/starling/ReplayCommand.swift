import ArgumentParser
import StarlingEngine
import StarlingLog
import StarlingServer

/// `starling replay`: a graph and its activity, through the path that clients use.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Load a follow graph, then post its activity in order of time, and measure.",
        discussion: """
            --follows is a SNAP edge list (FOLLOWER FOLLOWEE a line), --posts a list of activity (AUTHOR UNIX_SECONDS KIND a \
            line, in order of time); both plain or gzip, # begins a comment. --follows alone loads the graph and posts \
            nothing. Without files a power-law graph is made. \
            Posts carry the activity's own times, so ids and digest are the same on every run.

            Example: starling replay --follows follows.txt.gz --posts posts.txt.gz --data /tmp/starling
            Example: starling replay --follows follows.txt.gz --to 127.0.0.1:7480
            Example: starling replay --users 100000 --mean-followers 30 --seed 1
            """)

    @Option(help: "Edges, one FOLLOWER FOLLOWEE a line.") var follows: String?
    @Option(help: "Activity, one AUTHOR UNIX_SECONDS KIND a line.") var posts: String?
    @Option(help: "Users of the made graph.") var users = 100_000
    @Option(help: "Mean number of followers in the made graph.") var meanFollowers = 30
    @Option(help: "Posts of the made activity.") var postCount = 200_000
    @Option(help: "Seed of the made graph.") var seed: UInt64 = 1
    @Option(help: "The data directory of the embedded engine.") var data = "starling-data"
    @Option(help: "Send to a daemon at HOST:PORT over TCP instead.") var to: String?
    @Flag(help: "Go on with a replay that was interrupted.") var resume = false
    @Option(help: "Worker threads of the embedded engine (default: one a processor).") var workers: Int?
    @Option(help: "When the embedded engine answers: memory, os or disk.") var ack = "disk"
    @Option(help: "Followers from which on an author is pulled at read.") var celebrityThreshold: Int?
    @Option(help: "Entries that a timeline keeps.") var timelineCap = 800
    @Flag(inversion: .prefixedNo, help: "Whether the embedded engine writes the topic feed-events.")
    var feedEvents = true
    @Option(help: "Rows in a batch.") var batch = 1_000
    @Option(help: "Batches that may be unanswered.") var inFlight = 16
    @Flag(help: "Print one JSON object instead of text.") var json = false

    func validate() throws {
        guard follows != nil || posts == nil else { throw ValidationError("--posts needs --follows") }
        guard (1...10_000).contains(batch) else { throw ValidationError("--batch must be 1 to 10000") }
        guard (1...1_000).contains(inFlight) else { throw ValidationError("--in-flight must be 1 to 1000") }
        guard users >= 2, (1...users).contains(meanFollowers), postCount >= 0 else {
            throw ValidationError(
                "--users must be at least 2, --mean-followers 1 to the users, --post-count at least 0")
        }
        guard AcknowledgementLevel(rawValue: ack) != nil else {
            throw ValidationError("--ack must be memory, os or disk")
        }
        if let to, ListenAddress(to) == nil { throw ValidationError("--to \(to): write it as HOST:PORT") }
    }

    mutating func run() async throws {
        let command = self
        try await Failure.guarding {
            let target = try await command.makeTarget()
            let replayer = Replayer(
                source: try command.makeSource(), target: target, batchRows: command.batch,
                inFlight: command.inFlight, isResuming: command.resume)
            let report = try await replayer.run()
            try await target.close()
            StandardOutput.print(command.json ? report.json : report.text)
        }
    }

    private func makeSource() throws -> any ReplaySource {
        if let follows { return try FileSource(follows: follows, posts: posts) }
        return PowerLawSource(users: users, meanFollowers: meanFollowers, postCount: postCount, seed: seed)
    }

    private func makeTarget() async throws -> any ReplayTarget {
        if let address = to.flatMap({ ListenAddress($0) }) {
            return try await RemoteTarget(host: address.host, port: address.port)
        }
        var configuration = EngineConfiguration()
        configuration.workers = workers ?? Processors.count
        configuration.acknowledgement = AcknowledgementLevel(rawValue: ack) ?? .disk
        configuration.celebrityThreshold = celebrityThreshold
        // What this machine can deliver must not show in the digest.
        configuration.celebrityCostShare = 0
        configuration.timelineCap = timelineCap
        configuration.feedEvents = feedEvents
        return try EmbeddedTarget(directory: data, configuration: configuration)
    }
}
