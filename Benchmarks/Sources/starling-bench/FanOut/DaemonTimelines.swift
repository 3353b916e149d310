import Foundation
import StarlingEngine

/// How posts reach a daemon over TCP.
enum PostWay: String, CaseIterable {
    /// CreatePost: a frame a post.
    case single = "CreatePost, 16 connections with 64 in flight"
    /// BatchPosts.
    case batch = "BatchPosts of 100, 4 connections with 4 in flight"

    var opcode: UInt16 { self == .single ? PostPayload.singleOpcode : PostPayload.batchOpcode }
    var rows: Int { self == .single ? 1 : 100 }
    var connections: Int { self == .single ? 16 : 4 }
    var inFlight: Int { self == .single ? 64 : 4 }
}

/// A daemon whose timelines are full, which was filled from inside before it was started.
final class DaemonTimelines {
    let graph: FanOutGraph
    let daemon: RunningDaemon
    private let directory: String

    /// Fills `directory` and serves it. `prepare` may add to the graph, `finish` to the
    /// full timelines.
    init(
        _ program: StarlingProgram, _ graph: FanOutGraph, directory: String, workers: Int, cap: Int,
        settings: [String] = [], change: (inout EngineConfiguration) -> Void = { _ in },
        prepare: (LoadedEngine) throws -> Void = { _ in }, finish: (LoadedEngine) throws -> Void = { _ in }
    ) throws {
        self.graph = graph
        self.directory = directory
        let loaded = try LoadedEngine(graph, directory: directory) { configuration in
            configuration.workers = workers
            configuration.timelineCap = cap
            configuration.snapshots = SnapshotConfiguration()
            configuration.snapshots.logBytes = 0
            configuration.snapshots.recordsAtClose = 1
            change(&configuration)
        }
        try loaded.follow()
        try prepare(loaded)
        try loaded.fill()
        try finish(loaded)
        try loaded.close(keepingData: true)
        daemon = try program.serve(data: directory, workers: workers, settings: Self.settings(cap: cap) + settings)
    }

    /// No snapshots while something is measured, and nobody pulled for what was measured.
    static func settings(cap: Int) -> [String] {
        [
            "timeline.cap=\(cap)", "snapshots.logBytes=0", "snapshots.milliseconds=0", "snapshots.recordsAtClose=0",
            "log.scrubBytesPerSecond=0", "fanout.celebrityCostShare=0",
        ]
    }

    func close() throws {
        daemon.stop()
        try FileManager.default.removeItem(atPath: directory)
    }

    var port: Int { get throws { try daemon.tcpPort } }

    /// Posts by authors drawn at random, for so long, and waits until all is delivered. Every answer comes after the
    /// fdatasync of its batch.
    func measure(_ way: PostWay, seconds: Double) throws -> FanOutFigures {
        try daemon.quiesce()
        let before = try daemon.metrics().deliveries
        var random = SplitMix(state: UInt64(before) | 1)
        let graph = graph
        let load = FrameLoad(opcode: way.opcode) { bytes in
            for _ in 0..<way.rows {
                let author = graph.user(ofAuthor: random.below(graph.authors))
                PostPayload.append(author: author, text: PostPayload.usualText, isRow: way == .batch, to: &bytes)
            }
        }
        let connections = try PipelinedLoad(
            port: port, connections: way.connections, inFlight: way.inFlight, load)
        let clock = ServerClock(daemon.identifier)
        let start = monotonicSeconds()
        let figures = try connections.run(until: .seconds(seconds, warmUp: 0))
        try daemon.quiesce()
        let elapsed = monotonicSeconds() - start
        let processors = clock.processors
        let delivered = try daemon.metrics().deliveries - before
        guard delivered == Double(figures.allRequests * way.rows * graph.followersPerPost) else {
            throw ProgramError(text: "starling: \(delivered) deliveries of \(figures.allRequests * way.rows) posts")
        }
        try DaemonPages.check(
            daemon,
            readers: PostHistory.samples(graph).map { reader in
                (graph.user(ofReader: reader), graph.authors(of: reader).map(graph.user(ofAuthor:)))
            })
        return FanOutFigures(
            deliveriesPerSecond: delivered / elapsed, answerP50: figures.percentile(0.5),
            answerP99: figures.percentile(0.99), processors: processors)
    }
}
