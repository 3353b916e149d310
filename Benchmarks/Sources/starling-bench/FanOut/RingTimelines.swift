import CBaselines
import Foundation
import Glibc

/// The limit: timelines as plain rings of 8-byte entries in C, split over threads by reader.
final class RingTimelines {
    private let graph: FanOutGraph
    private let parts: ReaderParts
    private let isPrefetching: Bool
    private var rings = baseline_rings()
    private var history = PostHistory(seed: 31)
    /// Bytes of the rings that lie in huge pages.
    let hugePageBytes: Double

    init(_ graph: FanOutGraph, cap: Int, threads: Int, isPrefetching: Bool) throws {
        self.graph = graph
        parts = ReaderParts(graph, threads: threads)
        self.isPrefetching = isPrefetching
        let before = ProcessFigures.hugePageBytes(getpid())
        let problem = baseline_rings_open(&rings, graph.timelines, UInt32(cap), 1)
        guard problem == 0 else { throw ProgramError(text: "no memory for the rings: errno \(problem)") }
        hugePageBytes = Double(ProcessFigures.hugePageBytes(getpid())) - Double(before)
    }

    deinit { baseline_rings_close(&rings) }

    /// What the threads share: they write to different rings.
    private struct Work: @unchecked Sendable {
        let rings: UnsafePointer<baseline_rings>
        let followers: UnsafePointer<UInt32>
        let authors: UnsafePointer<UInt32>
        let bounds: UnsafePointer<Int>
    }

    /// Delivers posts; returns deliveries a second.
    func measure(deliveries: Int) throws -> Double {
        let first = history.count
        let posts = deliveries / graph.followersPerPost
        for _ in 0..<posts { _ = history.next(graph) }
        let (threads, isPrefetching) = (parts.threads, isPrefetching)
        let last = history.count
        let start = monotonicSeconds()
        withUnsafePointer(to: rings) { rings in
            graph.followers.withUnsafeBufferPointer { followers in
                history.authors.withUnsafeBufferPointer { authors in
                    parts.bounds.withUnsafeBufferPointer { bounds in
                        guard let followers = followers.baseAddress, let authors = authors.baseAddress,
                            let bounds = bounds.baseAddress
                        else { return }
                        let work = Work(rings: rings, followers: followers, authors: authors, bounds: bounds)
                        Threads.run(threads) { thread in
                            for post in first..<last {
                                let own = work.bounds + Int(work.authors[post]) * (threads + 1) + thread
                                let count = own[1] - own[0]
                                if isPrefetching {
                                    baseline_rings_deliver_prefetching(
                                        work.rings, work.followers + own[0], count, UInt64(post))
                                } else {
                                    baseline_rings_deliver(
                                        work.rings, work.followers + own[0], count, UInt64(post))
                                }
                            }
                        }
                    }
                }
            }
        }
        let seconds = monotonicSeconds() - start
        for reader in PostHistory.samples(graph) {
            let expected = history.page(of: reader, graph, count: PostHistory.sampleSize)
            for (back, post) in expected.enumerated()
            where baseline_rings_entry(&rings, reader, UInt32(back)) != UInt64(post) {
                throw ProgramError(text: "C ring: the timeline of reader \(reader) is not what was posted")
            }
        }
        return Double(posts * graph.followersPerPost) / seconds
    }
}
