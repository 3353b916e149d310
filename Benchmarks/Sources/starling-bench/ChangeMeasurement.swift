import Foundation

/// A snapshot after so many posts.
struct ChangeSample: Codable {
    var run: Int
    var posts: Int
    var snapshot: SnapshotSample
    /// Pages of a full one.
    var allPages: Int
    /// Processor time of the daemon meanwhile.
    var processorSeconds: Double
    var memoryPeak: MemorySample
    var otherProcessors: Double
}

/// What a snapshot costs when little or much has changed, without other load.
struct ChangeMeasurement {
    let set: FullTimelines

    private static let steps = [0, 1, 10, 100, 1_000, 10_000]

    func run(number: Int) throws -> [ChangeSample] {
        let copy = set.root + "/changes"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let daemon = try set.serveWithoutSnapshot(in: copy)
        defer { daemon.stop() }
        var random = SplitMix(state: 8)
        var samples: [ChangeSample] = []
        var allPages = 0
        // The first two are full: with the second there are two generations that share no file.
        for posts in [0, 1] + Self.steps.dropFirst() {
            if posts > 0 {
                _ = try HTTPConnection(daemon.http).call(
                    "POST", "/v1/batch/posts", body: PostBatch.body(rows: posts, users: set.graph.timelines, &random))
            }
            try daemon.quiesce()
            let watch = MemoryWatch(daemon.identifier)
            let (load, own) = (MachineLoad(), ProcessFigures.processorSeconds(daemon.identifier))
            let snapshot = SnapshotSample(
                try HTTPConnection(daemon.admin).call(
                    "POST", "/admin/snapshot", body: Array("{}".utf8), as: SnapshotAnswer.self))
            if snapshot.isFull { allPages = snapshot.pages }
            let used = ProcessFigures.processorSeconds(daemon.identifier) - own
            samples.append(
                ChangeSample(
                    run: number, posts: posts, snapshot: snapshot, allPages: allPages, processorSeconds: used,
                    memoryPeak: try watch.stop(), otherProcessors: load.others(own: used, harness: 0)))
            Progress.note("run \(number): \(posts) posts, \(snapshot.pages) pages, \(snapshot.seconds) s")
        }
        return samples
    }
}
