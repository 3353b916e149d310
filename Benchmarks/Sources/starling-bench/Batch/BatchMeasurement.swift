import Foundation
import StarlingEngine
import StarlingMemory
import StarlingSets
import StarlingSystem

/// One post to 5,000 followers: in batches of many sizes, by one thread or by several.
struct BatchMeasurement {
    let options: SuiteOptions
    let graph: FanOutGraph
    let cap: Int
    /// Posts of a run.
    let posts: Int

    static let columns: [Section.Column] = [
        .init(name: "time a post", unit: .seconds), .init(name: "deliveries/s", unit: .perSecond),
    ]

    func row(_ secondsPerPost: Double) -> [Double?] {
        [secondsPerPost, Double(graph.followersPerPost) / secondsPerPost]
    }

    /// Posts to an engine, one after the other: from handing a post over until every worker has put it into its followers'
    /// timelines. Returns seconds a post.
    func engine(_ engine: LoadedEngine) throws -> Double {
        let before = try engine.quiesce().pushed
        let start = monotonicSeconds()
        for _ in 0..<posts {
            try engine.post(1)
            _ = try engine.quiesce()
        }
        let seconds = monotonicSeconds() - start
        try engine.check(delivered: try engine.quiesce().pushed - before, posts: posts)
        return seconds / Double(posts)
    }

    /// Posts to Redis, a batch of followers at a time: the next batch is sent when the one before is answered.
    func redis(_ server: RunningRedis, batch: Int, posts: Int) throws -> Double {
        var random = SplitMix(state: 71)
        let start = monotonicSeconds()
        for post in 0..<posts {
            let followers = graph.followers(of: random.below(graph.authors))
            var next = followers.startIndex
            let cap = cap
            let load = RESPLoad(commandsPerRequest: 2 * batch) { bytes in
                for reader in followers[next..<(next + batch)] {
                    bytes.append("*4\r\n$4\r\nZADD\r\n")
                    bytes.append(bulk: UInt8(ascii: "z"), Int(reader))
                    bytes.append(bulk: nil, RedisTimelines.id(1 << 30 + post))
                    bytes.append(bulk: nil, RedisTimelines.id(1 << 30 + post))
                    bytes.append("*4\r\n$15\r\nZREMRANGEBYRANK\r\n")
                    bytes.append(bulk: UInt8(ascii: "z"), Int(reader))
                    bytes.append("$1\r\n0\r\n")
                    bytes.append(bulk: UInt8(ascii: "-"), cap + 1)
                }
                next += batch
            }
            _ = try PipelinedLoad(port: server.port, connections: 1, inFlight: 1, load)
                .run(until: .requests(followers.count / batch))
        }
        return (monotonicSeconds() - start) / Double(posts)
    }
}

/// The sorted sets alone, without an engine around them.
final class BareSets {
    private let graph: FanOutGraph
    private let cap: Int
    private let readers: ReaderParts
    private let parts: [Part]
    private var history = PostHistory(seed: 72)

    /// The readers of one thread.
    private final class Part: @unchecked Sendable {
        let sets: SortedSetArena<UInt32>
        let headers: MappedTable<SortedSet>
        let floors: MappedTable<UInt32>

        init(timelines: Int) throws {
            sets = SortedSetArena(arena: try Arena(), seed: 1)
            headers = try MappedTable(capacity: timelines)
            floors = try MappedTable(capacity: timelines)
            headers.ensure(count: timelines)
            floors.ensure(count: timelines)
        }
    }

    init(_ graph: FanOutGraph, cap: Int, threads: Int) throws {
        self.graph = graph
        self.cap = cap
        readers = ReaderParts(graph, threads: threads)
        parts = try (0..<threads).map { _ in try Part(timelines: graph.timelines) }
        _ = try measure(
            batch: graph.followersPerPost,
            posts: graph.posts(filling: cap + SortedSetArena<UInt32>.leafCapacity))
    }

    /// Delivers posts, `batch` followers at a time; each thread its own part of every post's followers. Returns seconds a
    /// post.
    func measure(batch: Int, posts: Int) throws -> Double {
        let first = history.count
        for _ in 0..<posts { _ = history.next(graph) }
        let (parts, readers, graph, cap, authors) = (parts, readers, graph, cap, history.authors)
        let start = monotonicSeconds()
        Threads.run(parts.count) { thread in
            let part = parts[thread]
            graph.followers.withUnsafeBufferPointer { followers in
                guard let base = followers.baseAddress else { return }
                for post in first..<authors.count {
                    let own = Int(authors[post]) * (parts.count + 1) + thread
                    var place = readers.bounds[own]
                    let end = readers.bounds[own + 1]
                    while place < end {
                        let count = min(batch, end - place)
                        part.sets.insertIntoMany(
                            UInt32(post + 1), sets: part.headers, readers: base + place, count: count, cap: cap,
                            floors: part.floors)
                        place += count
                    }
                }
            }
        }
        let seconds = monotonicSeconds() - start
        try check()
        return seconds / Double(posts)
    }

    /// Compares some timelines with what was posted.
    private func check() throws {
        for reader in PostHistory.samples(graph) {
            let part = parts[readers.thread(of: reader)]
            var page: [UInt32] = []
            var entries = part.sets.descending(part.headers.rows + reader)
            while page.count < PostHistory.sampleSize, let entry = entries.next() { page.append(entry) }
            let expected = history.page(of: reader, graph, count: PostHistory.sampleSize).map { UInt32($0 + 1) }
            guard page == expected else {
                throw ProgramError(text: "sorted sets: the timeline of reader \(reader) is not what was posted")
            }
        }
    }
}
