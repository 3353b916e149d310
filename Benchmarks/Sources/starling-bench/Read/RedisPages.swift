import Foundation

/// How Redis makes a page that celebrities' posts belong to.
enum RedisMergeWay: String, CaseIterable {
    case client = "ZREVRANGE of each, merged in the client"
    case script = "merged in Lua"
    case union = "ZUNIONSTORE"
}

/// Pages from a server whose sorted sets are full: of plain timelines, and merged with celebrities'.
final class RedisPages {
    let graph: CelebrityGraph
    let timelines: RedisTimelines
    private let small: RedisTimelines
    private var mergeScript = ""
    private var hydrationScript = ""

    /// Entries of the timelines that are small enough to be stored compactly.
    static let smallCap = 100
    private static let connections = 50
    static let pageSize = 50

    init(_ graph: CelebrityGraph, cap: Int, server: RunningRedis) throws {
        self.graph = graph
        timelines = try RedisTimelines(.sortedSet, graph.graph, cap: cap, server: server)
        small = try RedisTimelines(
            .sortedSet, graph.graph, cap: Self.smallCap, server: server, keyLetter: UInt8(ascii: "s"))
        try timelines.fill()
        for _ in 0..<CelebrityGraph.posts {
            for celebrity in 0..<CelebrityGraph.largest {
                let id = String(timelines.noteOther())
                try RunningRedis.check(timelines.control.call("ZADD", "c\(celebrity)", id, id))
            }
            try timelines.post(graph.postsBetween)
        }
        try small.fill(trimsAlways: true)
        try store()
        mergeScript = try load(
            """
            local last=#KEYS-1 local lists={} local places={} for i=1,#KEYS do lists[i]=redis.call('ZREVRANGE',KEYS[i],0,49) \
            places[i]=1 end local page={} while #page<50 do local best=nil local from=0 for i=1,#KEYS do \
            local id=lists[i][places[i]] if id and (not best or id>best) then best=id from=i end end \
            if not best then break end page[#page+1]=best places[from]=places[from]+1 end return page
            """)
        hydrationScript = try load(
            """
            local ids=redis.call('ZREVRANGE',KEYS[1],0,49) local keys={} for i=1,#ids do keys[i]='p'..ids[i] end \
            return {ids,redis.call('MGET',unpack(keys))}
            """)
    }

    /// The words of all posts, for hydrated pages.
    private func store() throws {
        var post = 0
        let posts = RESPLoad(commandsPerRequest: 1) { bytes in
            bytes.append("*3\r\n$3\r\nSET\r\n")
            bytes.append(bulk: UInt8(ascii: "p"), RedisTimelines.id(post))
            bytes.append("$21\r\na post of a benchmark\r\n")
            post += 1
        }
        _ = try PipelinedLoad(port: timelines.server.port, connections: 1, inFlight: 256, posts)
            .run(until: .requests(timelines.history.count))
    }

    private func load(_ script: String) throws -> String {
        let answer = try timelines.control.call("SCRIPT", "LOAD", script)
        try RunningRedis.check(answer)
        return answer.string
    }

    /// How the small timelines are stored.
    var smallEncoding: String {
        get throws { try timelines.control.call("OBJECT", "ENCODING", "s0").string }
    }

    private func run(_ load: RESPLoad, inFlight: Int, seconds: Double) throws -> PageFigures {
        let clock = ServerClock(timelines.server.identifier)
        let figures = try PipelinedLoad(
            port: timelines.server.port, connections: Self.connections, inFlight: inFlight, load
        ).run(until: .seconds(seconds, warmUp: seconds / 5))
        return PageFigures(figures, clock)
    }

    /// Pages of plain timelines, large or small.
    func plain(isSmall: Bool, inFlight: Int, seconds: Double) throws -> PageFigures {
        var random = SplitMix(state: 51)
        let readers = graph.readers(.none)
        let letter = isSmall ? small.keyLetter : timelines.keyLetter
        let load = RESPLoad(commandsPerRequest: 1) { bytes in
            bytes.appendPage(ofSet: letter, readers.lowerBound + random.below(readers.count))
        }
        return try run(load, inFlight: inFlight, seconds: seconds)
    }

    /// Pages with the posts' words.
    func hydrated(inFlight: Int, seconds: Double) throws -> PageFigures {
        var random = SplitMix(state: 52)
        let readers = graph.readers(.none)
        let load = RESPLoad(commandsPerRequest: 1) { [hydrationScript] bytes in
            bytes.appendCall(script: hydrationScript, keys: 1)
            bytes.append(bulk: UInt8(ascii: "z"), readers.lowerBound + random.below(readers.count))
        }
        return try run(load, inFlight: inFlight, seconds: seconds)
    }

    /// Pages of readers who follow celebrities.
    func merged(_ way: RedisMergeWay, _ third: CelebrityGraph.Third, inFlight: Int, seconds: Double) throws
        -> PageFigures
    {
        var random = SplitMix(state: 53)
        let readers = graph.readers(third)
        var load = request(way, third) { readers.lowerBound + random.below(readers.count) }
        if way == .client {
            var merge = PageMerge()
            load.inspect = { merge.take($0) }
        }
        return try run(load, inFlight: inFlight, seconds: seconds)
    }

    private func request(_ way: RedisMergeWay, _ third: CelebrityGraph.Third, reader: @escaping () -> Int) -> RESPLoad {
        let celebrities = third.celebrities
        switch way {
        case .client:
            return RESPLoad(commandsPerRequest: celebrities + 1) { bytes in
                bytes.appendPage(ofSet: UInt8(ascii: "z"), reader())
                for number in 0..<celebrities { bytes.appendPage(ofSet: UInt8(ascii: "c"), number) }
            }
        case .script:
            return RESPLoad(commandsPerRequest: 1) { [mergeScript] bytes in
                bytes.appendCall(script: mergeScript, keys: celebrities + 1)
                bytes.append(bulk: UInt8(ascii: "z"), reader())
                for number in 0..<celebrities { bytes.append(bulk: UInt8(ascii: "c"), number) }
            }
        case .union:
            return RESPLoad(commandsPerRequest: 2) { bytes in
                bytes.append("*")
                bytes.append(decimal: celebrities + 6)
                bytes.append("\r\n$11\r\nZUNIONSTORE\r\n$1\r\nu\r\n")
                bytes.append(bulk: nil, celebrities + 1)
                bytes.append(bulk: UInt8(ascii: "z"), reader())
                for number in 0..<celebrities { bytes.append(bulk: UInt8(ascii: "c"), number) }
                bytes.append("$9\r\nAGGREGATE\r\n$3\r\nMAX\r\n")
                bytes.append("*4\r\n$9\r\nZREVRANGE\r\n$1\r\nu\r\n$1\r\n0\r\n$2\r\n49\r\n")
            }
        }
    }

    /// Posts by authors drawn at random, at a steady rate, with trimming.
    func posts(perSecond: Double) -> PacedLoad {
        let graph = graph.graph
        let cap = timelines.cap
        let first = timelines.history.count
        return PacedLoad(port: timelines.server.port, requestsPerSecond: perSecond) {
            var random = SplitMix(state: 56)
            var post = first
            return RESPLoad(commandsPerRequest: 2 * graph.followersPerPost) { bytes in
                for reader in graph.followers(of: random.below(graph.authors)) {
                    bytes.appendAdd(toSet: UInt8(ascii: "z"), Int(reader), id: RedisTimelines.id(post))
                    bytes.appendTrim(set: UInt8(ascii: "z"), Int(reader), cap: cap)
                }
                post += 1
            }
        }
    }

    /// Makes sure that the three ways give the same page.
    func check(_ third: CelebrityGraph.Third) throws {
        for reader in graph.readers(third).prefix(4) {
            var pages: [[Int]] = []
            for way in RedisMergeWay.allCases {
                var load = request(way, third) { reader }
                var merge = PageMerge()
                load.inspect = { merge.take($0) }
                _ = try PipelinedLoad(port: timelines.server.port, connections: 1, inFlight: 1, load)
                    .run(until: .requests(1))
                pages.append(merge.page)
            }
            guard pages.allSatisfy({ $0.count == Self.pageSize && $0 == pages[0] }) else {
                throw ProgramError(text: "redis-server: the ways to merge give different pages for reader \(reader)")
            }
        }
    }
}
