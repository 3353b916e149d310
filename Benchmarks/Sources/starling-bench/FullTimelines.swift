import Foundation

/// The data that both suites measure: full timelines, in a Starling data directory and in an RDB file. Made once, and used
/// again while it fits.
struct FullTimelines {
    let graph: TimelineGraph
    let root: String
    let program: StarlingProgram
    let workers: Int

    /// Users whose pages were looked at when the data was made.
    private static let samples = 64
    /// Ids in a page.
    static let pageSize = 50

    /// What is known of the data.
    struct Facts: Codable {
        var graph: TimelineGraph
        var workers: Int
        var digest: String
        /// Ids of the newest posts, newest first, by user.
        var pages: [Int: [String]]
        /// Entries in all timelines.
        var entries: Int
        var redisEntries: Int
        var starlingSnapshotBytes: Int
        var starlingLogBytes: Int
        var redisFileBytes: Int
        var snapshot: SnapshotAnswer
        var redisFillSeconds: Double
        var redisSaveSeconds: Double
    }

    var starlingDirectory: String { root + "/starling" }
    var redisDirectory: String { root + "/redis" }
    private var factsPath: String { root + "/facts.json" }

    /// Makes the data, or finds it.
    func prepare(redis: RedisProgram) throws -> Facts {
        if let data = FileManager.default.contents(atPath: factsPath),
            let facts = try? JSONDecoder().decode(Facts.self, from: data), facts.graph == graph,
            facts.workers == workers
        {
            return facts
        }
        for directory in [starlingDirectory, redisDirectory] {
            try? FileManager.default.removeItem(atPath: directory)
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        Progress.note("writing the graph")
        let files = (follows: root + "/follows.txt", posts: root + "/posts.txt")
        try graph.write(follows: files.follows, posts: files.posts)
        Progress.note("replaying \(graph.posts) posts to \(graph.timelines) timelines")
        let report = try program.run([
            "replay", "--json", "--follows", files.follows, "--posts", files.posts, "--data", starlingDirectory,
            "--workers", "\(workers)", "--timeline-cap", "\(graph.entries)",
        ])
        var facts = try takeSnapshot(report)
        let filled = try redis.fill(graph, directory: redisDirectory)
        facts.redisEntries = filled.entries
        facts.redisFillSeconds = filled.fillSeconds
        facts.redisSaveSeconds = filled.saveSeconds
        facts.starlingSnapshotBytes = Self.bytes(under: starlingDirectory + "/snapshots")
        facts.starlingLogBytes = Self.bytes(under: starlingDirectory + "/log")
        facts.redisFileBytes = Self.bytes(under: redisDirectory)
        try JSONEncoder().encode(facts).write(to: URL(fileURLWithPath: factsPath))
        return facts
    }

    /// Takes the snapshot that restarts load, and compares pages with what the graph says they must be.
    private func takeSnapshot(_ report: Data) throws -> Facts {
        struct Report: Decodable { var timelineEntries: Int }
        let entries = try JSONDecoder().decode(Report.self, from: report).timelineEntries
        guard entries >= graph.timelines * graph.entries else {
            throw ProgramError(text: "only \(entries) entries in \(graph.timelines) timelines")
        }
        Progress.note("snapshot of \(entries) entries")
        let daemon = try program.serve(data: starlingDirectory, workers: workers, settings: serveSettings)
        defer { daemon.stop() }
        let snapshot = try HTTPConnection(daemon.admin).call(
            "POST", "/admin/snapshot", body: Array("{}".utf8), as: SnapshotAnswer.self)
        let http = try HTTPConnection(daemon.http)
        var random = SplitMix(state: 3)
        var pages: [Int: [String]] = [:]
        for _ in 0..<Self.samples {
            let user = 1 + random.below(graph.timelines)
            let page = try http.call("GET", FeedPageAnswer.path(user: user, hydrate: true), as: FeedPageAnswer.self)
            let expected = graph.page(of: user, count: Self.pageSize).map(TimelineGraph.text(ofPost:))
            guard page.items.map({ $0.post?.text ?? "" }) == expected else {
                throw ProgramError(text: "the page of user \(user) is not the one that the graph gives")
            }
            pages[user] = page.ids
        }
        return Facts(
            graph: graph, workers: workers, digest: try daemon.digest(), pages: pages, entries: entries,
            redisEntries: 0, starlingSnapshotBytes: 0, starlingLogBytes: 0, redisFileBytes: 0, snapshot: snapshot,
            redisFillSeconds: 0, redisSaveSeconds: 0)
    }

    /// Settings of every daemon that runs on the data: no snapshots but those that are asked for.
    var serveSettings: [String] {
        [
            "timeline.cap=\(graph.entries)", "snapshots.logBytes=0", "snapshots.milliseconds=0",
            "snapshots.recordsAtClose=0",
        ]
    }

    /// Bytes of all files below a directory.
    static func bytes(under directory: String) -> Int {
        let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        return names.reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: directory + "/" + name)
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { return sum }
            return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
        }
    }
}

/// Lines about what is being done, on standard error.
enum Progress {
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
