import Foundation

/// A start after SIGKILL, with a tail of the log behind the snapshot.
struct TailSample: Codable {
    var run: Int
    /// Records behind the snapshot.
    var records: Int
    /// Deliveries that they stand for.
    var deliveries: Int
    /// From before exec until the first page.
    var pageSeconds: Double
    var digestIsEqual: Bool
    var otherProcessors: Double
}

/// Kills a daemon that has accepted posts since its snapshot, and starts it again.
struct TailMeasurement {
    let set: FullTimelines
    let facts: FullTimelines.Facts

    private static let rowsPerBatch = 1_000

    /// Every start after a kill replays the same tail: no snapshot is taken.
    func run(sizes: [Int], runs: Int) throws -> [TailSample] {
        let copy = set.root + "/tail"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        var samples: [TailSample] = []
        for size in sizes.sorted() {
            try? FileManager.default.removeItem(atPath: copy)
            try FileManager.default.copyItem(atPath: set.starlingDirectory, toPath: copy)
            let first = try set.program.serve(data: copy, workers: set.workers, settings: set.serveSettings)
            let before = try first.metrics()
            let http = try HTTPConnection(first.http)
            var random = SplitMix(state: 5)
            var sent = 0
            while sent < size {
                let rows = min(Self.rowsPerBatch, size - sent)
                _ = try http.call(
                    "POST", "/v1/batch/posts", body: PostBatch.body(rows: rows, users: set.graph.timelines, &random))
                sent += rows
            }
            try first.quiesce()
            let digest = try first.digest()
            let after = try first.metrics()
            first.kill()
            for run in 1...runs {
                let load = MachineLoad()
                let start = monotonicSeconds()
                let daemon = try set.program.serve(data: copy, workers: set.workers, settings: set.serveSettings)
                let page = try HTTPConnection(daemon.http).call(
                    "GET", FeedPageAnswer.path(user: run), as: FeedPageAnswer.self)
                let seconds = monotonicSeconds() - start
                let others = load.others(own: ProcessFigures.processorSeconds(daemon.identifier), harness: 0)
                guard page.ids.count == FullTimelines.pageSize else { throw ProgramError(text: "a page is short") }
                samples.append(
                    TailSample(
                        run: run,
                        records: Int(after["starling_published_lsn"] - after["starling_snapshot_lsn"]),
                        deliveries: Int(after.deliveries - before.deliveries), pageSeconds: seconds,
                        digestIsEqual: try daemon.digest() == digest, otherProcessors: others))
                Progress.note("tail of \(size) posts, run \(run): \(seconds) s")
                daemon.kill()
            }
        }
        return samples
    }
}

/// Bodies of `POST /v1/batch/posts`.
enum PostBatch {
    /// Posts of users drawn at random from 1 to `users`.
    static func body(rows: Int, users: Int, _ random: inout SplitMix) -> [UInt8] {
        var text = "{\"rows\":["
        for row in 0..<rows {
            text += "\(row == 0 ? "" : ",")"
            text += "{\"authorId\":\"\(1 + random.below(users))\",\"text\":\"a post under load\"}"
        }
        return Array((text + "]}").utf8)
    }
}
