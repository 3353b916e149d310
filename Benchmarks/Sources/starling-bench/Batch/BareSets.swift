import StarlingMemory
import StarlingSets
import StarlingSystem

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
