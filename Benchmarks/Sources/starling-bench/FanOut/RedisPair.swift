import Foundation

/// A server with timelines of both structures.
struct RedisPair {
    let peer: RedisProgram
    private let server: RunningRedis
    private let directory: String
    private let sortedSets: RedisTimelines
    private let lists: RedisTimelines

    init(_ peer: RedisProgram, _ graph: FanOutGraph, cap: Int, directory: String) throws {
        Progress.note("filling \(peer.name): \(graph.timelines) timelines")
        self.peer = peer
        self.directory = directory
        server = try peer.start(directory: directory)
        do {
            sortedSets = try RedisTimelines(.sortedSet, graph, cap: cap, server: server)
            lists = try RedisTimelines(.list, graph, cap: cap, server: server)
            try sortedSets.fill()
            try lists.fill()
        } catch {
            server.stop()
            throw error
        }
    }

    func close() {
        server.stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func timelines(_ way: RedisFanOutWay) -> RedisTimelines { way.structure == .sortedSet ? sortedSets : lists }
}
