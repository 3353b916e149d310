/// The readers of a graph dealt out to threads: each thread gets a range of them, and so a piece of every author's followers.
struct ReaderParts: Sendable {
    let threads: Int
    private let timelines: Int
    /// Where each thread's readers begin among the followers of each author: `threads` + 1 places an author.
    let bounds: [Int]

    init(_ graph: FanOutGraph, threads: Int) {
        self.threads = threads
        timelines = graph.timelines
        var bounds: [Int] = []
        bounds.reserveCapacity(graph.authors * (threads + 1))
        for author in 0..<graph.authors {
            let followers = graph.followers(of: author)
            var place = followers.startIndex
            for thread in 0...threads {
                let first = Self.first(thread, of: threads, graph.timelines)
                while place < followers.endIndex, Int(followers[place]) < first { place += 1 }
                bounds.append(place)
            }
        }
        self.bounds = bounds
    }

    private static func first(_ thread: Int, of threads: Int, _ timelines: Int) -> Int { thread * timelines / threads }

    /// The thread that a reader belongs to.
    func thread(of reader: Int) -> Int {
        (0..<threads).last { Self.first($0, of: threads, timelines) <= reader } ?? 0
    }
}
