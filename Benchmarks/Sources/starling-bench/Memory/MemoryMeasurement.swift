import Foundation
import Glibc
import StarlingEngine

/// Bytes of memory by what they hold.
struct MemoryMeasurement {
    let options: SuiteOptions
    let peers: [RedisProgram]

    private static let columns: [Section.Column] = [
        .init(name: "by its own count", unit: .bytes), .init(name: "by resident memory", unit: .bytes),
        .init(name: "of them", unit: .count),
    ]

    /// What a server says of its memory, and what the system says.
    private struct Bytes {
        var counted: Double
        var resident: Double

        func row(_ count: Int, since before: Bytes) -> [Double?] {
            [(counted - before.counted) / Double(count), (resident - before.resident) / Double(count), Double(count)]
        }
    }

    private func redisBytes(_ server: RunningRedis, _ control: RedisConnection) throws -> Bytes {
        Bytes(
            counted: Double(try control.info("memory")["used_memory"] ?? "") ?? 0,
            resident: Double(ProcessFigures.memory(server.identifier).rss))
    }

    private var ownResident: Double { Double(ProcessFigures.memory(getpid()).rss) }

    /// Full timelines: of Starling, and of Redis as sorted sets and as bare lists.
    func entries(_ graph: FanOutGraph, caps: [Int]) throws -> Section {
        var section = Section(
            "Bytes a timeline entry",
            about:
                "\(graph.name). Starling's own count is its arenas, headers and floors; its resident memory is all that the"
                + " process has grown by while it filled the timelines, the table of posts and the caches with them.",
            columns: Self.columns)
        for cap in caps {
            Progress.note("filling an engine, cap \(cap)")
            let engine = try LoadedEngine(graph, directory: options.directory("memory")) { $0.timelineCap = cap }
            try engine.follow()
            let before = ownResident
            try engine.fill()
            let statistics = try engine.quiesce()
            let entries = Int(statistics.timelineEntries)
            section.add(
                Self.starling(cap),
                Bytes(counted: Double(statistics.timelineBytes), resident: ownResident).row(
                    entries, since: Bytes(counted: 0, resident: before)))
            try engine.close()
            for peer in peers {
                for structure in [RedisStructure.sortedSet, .list] {
                    Progress.note("filling \(peer.name), cap \(cap)")
                    section.add(Self.side(peer, structure, cap), try fill(peer, structure, graph, cap: cap))
                }
            }
        }
        return section
    }

    static func starling(_ cap: Int) -> String { "Starling, cap \(cap)" }
    static func side(_ peer: RedisProgram, _ structure: RedisStructure, _ cap: Int) -> String {
        "\(peer.name), \(structure == .sortedSet ? "sorted sets" : "lists"), cap \(cap)"
    }

    private func fill(
        _ peer: RedisProgram, _ structure: RedisStructure, _ graph: FanOutGraph, cap: Int
    ) throws -> [Double?] {
        let directory = try options.directory("memory-\(peer.name)")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = try peer.start(directory: directory)
        defer { server.stop() }
        let timelines = try RedisTimelines(structure, graph, cap: cap, server: server)
        let before = try redisBytes(server, timelines.control)
        try timelines.fill(trimsAlways: cap < 128)
        return try redisBytes(server, timelines.control).row(graph.timelines * cap, since: before)
    }

    /// Edges of the graph: in Redis, the followers of each account and the accounts that each follows.
    func edges(_ graph: FanOutGraph) throws -> Section {
        var section = Section(
            "Bytes an edge",
            about:
                "\(graph.followees) accounts followed by each of \(graph.timelines) users, \(graph.followersPerPost) followers"
                + " of each. Starling keeps followers, followees with the time since when, and what the writer checks. Redis"
                + " keeps followers and followees as sets of numbers, or as sorted sets with the time.",
            columns: Self.columns)
        Progress.note("edges of an engine")
        let engine = try LoadedEngine(graph, directory: options.directory("memory")) { _ in }
        let before = ownResident
        try engine.follow()
        let statistics = try engine.quiesce()
        section.add(
            "Starling",
            Bytes(counted: Double(statistics.edgeBytes), resident: ownResident).row(
                Int(statistics.edges), since: Bytes(counted: 0, resident: before)))
        try engine.close()
        for peer in peers {
            for isSorted in [false, true] {
                Progress.note("edges of \(peer.name)")
                let directory = try options.directory("memory-\(peer.name)")
                defer { try? FileManager.default.removeItem(atPath: directory) }
                let server = try peer.start(directory: directory)
                defer { server.stop() }
                let control = try server.waitUntilLoaded().connection
                let empty = try redisBytes(server, control)
                try RedisEdges(graph: graph, isSorted: isSorted).load(port: server.port)
                section.add(
                    "\(peer.name), \(isSorted ? "sorted sets" : "sets")",
                    try redisBytes(server, control).row(graph.timelines * graph.followees, since: empty))
            }
        }
        return section
    }
}

/// The graph in Redis, an account's followers or followees a command.
private struct RedisEdges {
    let graph: FanOutGraph
    let isSorted: Bool

    func load(port: Int) throws {
        var author = 0
        try send(port: port, count: graph.authors, letter: UInt8(ascii: "f")) {
            author += 1
            return (author, graph.followers(of: author - 1).map(Int.init))
        }
        var reader = 0
        try send(port: port, count: graph.timelines, letter: UInt8(ascii: "g")) {
            reader += 1
            return (reader, graph.authors(of: reader - 1))
        }
    }

    private func send(port: Int, count: Int, letter: UInt8, _ next: @escaping () -> (Int, [Int])) throws {
        let load = RESPLoad(commandsPerRequest: 1) { bytes in
            let (account, others) = next()
            bytes.append("*")
            bytes.append(decimal: 2 + others.count * (isSorted ? 2 : 1))
            bytes.append("\r\n$4\r\n")
            bytes.append(isSorted ? "ZADD" : "SADD")
            bytes.append("\r\n")
            bytes.append(bulk: letter, account)
            for other in others {
                if isSorted { bytes.append(bulk: nil, 1_763_700_000 + other) }
                bytes.append(bulk: nil, other)
            }
        }
        _ = try PipelinedLoad(port: port, connections: 1, inFlight: 64, load).run(until: .requests(count))
    }
}
