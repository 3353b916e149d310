import Foundation
import Glibc
import StarlingEngine
import StarlingMemory
import StarlingSets
import Synchronization

/// An engine in this process with a made graph, whose timelines are full.
final class LoadedEngine {
    let graph: FanOutGraph
    let engine: Engine
    private let directory: String
    private(set) var history = PostHistory(seed: 41)

    /// Events that the workers can be behind: what is posted while they are held.
    private static let ringEvents = 1 << 22
    private static let rowsPerCommand = 1_000
    private static let commandsInFlight = 16
    private static let text = "a post of a benchmark"
    private let importer = WriteContext(actor: UserID(rawValue: 0))

    /// An engine on an empty directory, with the settings that `change` makes. Snapshots are not taken.
    init(_ graph: FanOutGraph, directory: String, change: (inout EngineConfiguration) -> Void) throws {
        var configuration = EngineConfiguration()
        configuration.ringEvents = Self.ringEvents
        configuration.snapshots.isEnabled = false
        configuration.scrubBytesPerSecond = 0
        // Who is pushed is the benchmark's to say.
        configuration.celebrityCostShare = 0
        change(&configuration)
        self.graph = graph
        self.directory = directory
        engine = try Engine.open(directory: directory, configuration: configuration)
    }

    /// Ends the engine; without `keepingData`, its directory goes too.
    func close(keepingData: Bool = false) throws {
        try engine.close(clean: keepingData)
        if !keepingData { try FileManager.default.removeItem(atPath: directory) }
    }

    /// Makes all edges.
    func follow() throws {
        let window = EngineWindow(Self.commandsInFlight)
        var rows: [NewFollow] = []
        for reader in 0..<graph.timelines {
            for author in graph.authors(of: reader) {
                rows.append(
                    NewFollow(
                        follower: UserID(rawValue: graph.user(ofReader: reader)),
                        followee: UserID(rawValue: graph.user(ofAuthor: author))))
            }
            if rows.count + graph.followees > Self.rowsPerCommand * 5 || reader == graph.timelines - 1 {
                try window.submit(.importFollows(rows), importer, to: engine)
                rows.removeAll(keepingCapacity: true)
            }
        }
        try window.drain()
    }

    /// Carries out a command.
    func run(_ command: Command) throws {
        let window = EngineWindow(1)
        try window.submit(command, importer, to: engine)
        try window.drain()
    }

    /// Bytes in huge pages that came with `fill`.
    private(set) var hugePageBytes = 0.0

    /// Posts until every timeline is full, and beyond: from then on leaves are dropped as fast as they are filled.
    func fill() throws {
        let before = ProcessFigures.hugePageBytes(getpid())
        defer { hugePageBytes = Double(ProcessFigures.hugePageBytes(getpid())) - Double(before) }
        try post(graph.posts(filling: engine.configuration.timelineCap + SortedSetArena<UInt32>.leafCapacity))
        _ = try quiesce()
    }

    /// Posts by authors drawn at random; returns when all are acknowledged.
    func post(_ count: Int) throws {
        let window = EngineWindow(Self.commandsInFlight)
        var left = count
        while left > 0 {
            let rows = nextPosts(min(left, Self.rowsPerCommand))
            try window.submit(.importPosts(rows), importer, to: engine)
            left -= rows.count
        }
        try window.drain()
    }

    /// Posts at a steady rate for some seconds, each in a command of its own; `beside` are posts of one more author, at a
    /// rate of their own. Returns how many of those there were.
    @discardableResult
    func post(
        perSecond: Double, seconds: Double, beside: (post: NewPost, perSecond: Double)? = nil
    ) throws -> Int {
        let window = EngineWindow(8_192)
        let start = monotonicSeconds()
        var (sent, sentBeside) = (0, 0)
        while true {
            let elapsed = monotonicSeconds() - start
            if elapsed >= seconds { break }
            while sent < Int(elapsed * perSecond) {
                try submit(nextPosts(1)[0], window)
                sent += 1
            }
            if let beside, sentBeside < Int(elapsed * beside.perSecond) {
                try submit(beside.post, window)
                sentBeside += 1
            }
            usleep(200)
        }
        try window.drain()
        return sentBeside
    }

    private func submit(_ post: NewPost, _ window: EngineWindow) throws {
        try window.submit(.createPost(post), WriteContext(actor: post.author), to: engine)
    }

    /// How late the workers are with posts that come one by one at a steady rate.
    func delays(perSecond: Double, seconds: Double) throws -> DelayHistogram {
        // The first tenth warms up: threads wake, the queue finds its length.
        try post(perSecond: perSecond, seconds: seconds / 10)
        let before = try quiesce()
        let first = history.count
        try post(perSecond: perSecond, seconds: seconds)
        let after = try quiesce()
        try check(delivered: after.pushed - before.pushed, posts: history.count - first)
        return after.delays.since(before.delays)
    }

    private func nextPosts(_ count: Int) -> [NewPost] {
        (0..<count).map { _ in
            NewPost(author: UserID(rawValue: graph.user(ofAuthor: history.next(graph))), text: Self.text)
        }
    }

    /// Waits until everything is delivered; returns what there is then.
    func quiesce() throws -> EngineStatistics {
        try EngineWindow.wait { completion in
            engine.quiesce { completion($0.map(\.statistics)) }
        }
    }

    /// Deliveries of a number of posts.
    func deliveries(of posts: Int) -> UInt64 { UInt64(posts * graph.followersPerPost) }

    /// Posts that can wait for held workers: the writer admits no more than what the arenas have room for at worst, and the
    /// ring holds their events. A quarter of both is left for what is there already.
    private var postsAtATime: Int {
        let blocks = engine.configuration.arenaBytes / (Arena.unitBytes * Int(Arena.maximumBlockUnits))
        let deliveries = blocks / SortedSetArena<UInt32>.allocationsPerInsert
        return max(1, min(deliveries / graph.followersPerPost, Self.ringEvents) * 3 / 4)
    }

    /// The workers alone: posts are committed and published while the workers are held; then they are let go, until the last
    /// of them is done; and so on until all are posted. Returns deliveries a second of the time in which workers ran.
    func drain(posts: Int) throws -> Double {
        var seconds = 0.0
        var left = posts
        while left > 0 {
            let count = min(left, postsAtATime)
            seconds += try drainOnce(posts: count)
            left -= count
        }
        return Double(deliveries(of: posts)) / seconds
    }

    private func drainOnce(posts: Int) throws -> Double {
        // The second time the writer hears that everything before is applied.
        _ = try quiesce()
        let before = try quiesce().pushed
        let gate = try WorkerGate(engine, users: (0..<graph.timelines).lazy.map(graph.user(ofReader:)))
        do {
            try post(posts)
        } catch {
            gate.open()
            throw error
        }
        let start = monotonicSeconds()
        gate.open()
        let after = try quiesce().pushed
        let seconds = monotonicSeconds() - start
        try check(delivered: after - before, posts: posts)
        return seconds
    }

    /// Everything at once: posts are submitted as fast as they are taken, until all are delivered. Returns deliveries a
    /// second.
    func sustain(posts: Int) throws -> Double {
        let before = try quiesce().pushed
        let start = monotonicSeconds()
        try post(posts)
        let after = try quiesce().pushed
        let seconds = monotonicSeconds() - start
        try check(delivered: after - before, posts: posts)
        return Double(deliveries(of: posts)) / seconds
    }

    /// Compares the count and some pages with what was posted.
    func check(delivered: UInt64, posts: Int) throws {
        guard delivered == deliveries(of: posts) else {
            throw ProgramError(
                text: "starling: \(delivered) deliveries of \(posts) posts, not \(deliveries(of: posts))")
        }
        for reader in PostHistory.samples(graph) {
            let page = try EngineWindow.wait { completion in
                engine.feed(
                    of: UserID(rawValue: graph.user(ofReader: reader)), limit: PostHistory.sampleSize,
                    completion: completion)
            }
            let expected = history.page(of: reader, graph, count: PostHistory.sampleSize)
            guard
                page.entries.map({ graph.author(ofUser: $0.author.rawValue) })
                    == expected.map({ Int(history.authors[$0]) })
            else { throw ProgramError(text: "starling: the feed of reader \(reader) is not what was posted") }
        }
    }
}
