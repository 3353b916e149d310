/// Timelines of one structure in a server, and who posted.
final class RedisTimelines {
    let structure: RedisStructure
    let graph: FanOutGraph
    let cap: Int
    let server: RunningRedis
    let control: RedisConnection
    /// The first letter of the timelines' keys; the reader's number follows.
    let keyLetter: UInt8
    private(set) var history = PostHistory(seed: 21)
    private var script = ""
    private var random = SplitMix(state: 22)

    /// Followers in a request. A post to more is several requests.
    private let perRequest: Int
    private var author = 0
    private var nextFollower: Int

    /// Requests without an answer: enough that the server never waits.
    private static let inFlight = 8

    init(
        _ structure: RedisStructure, _ graph: FanOutGraph, cap: Int, server: RunningRedis, keyLetter: UInt8? = nil
    ) throws {
        self.structure = structure
        self.keyLetter = keyLetter ?? structure.keyLetter
        self.graph = graph
        self.cap = cap
        self.server = server
        control = try server.waitUntilLoaded().connection
        perRequest = min(200, graph.followersPerPost)
        nextFollower = graph.followersPerPost
    }

    /// Fills every timeline and trims all of them, by commands that add some twenty entries each: one an entry took 13 minutes for
    /// 80 million. With `trimsAlways` by posts instead, and no timeline is ever longer than the cap: what a sorted set was once,
    /// compact or not, it never is again.
    func fill(trimsAlways: Bool = false) throws {
        let posts = graph.posts(filling: cap)
        if trimsAlways { return try post(posts) }
        let atOnce = max(1, graph.timelines * Self.entriesPerCommand / graph.followersPerPost)
        var left = posts
        while left > 0 {
            try add(posts: min(atOnce, left))
            left -= atOnce
        }
        var timeline = 0
        let trimming = RESPLoad(commandsPerRequest: 1) { [self] bytes in
            appendTrim(timeline, &bytes)
            timeline += 1
        }
        _ = try PipelinedLoad(port: server.port, connections: 1, inFlight: 256, trimming)
            .run(until: .requests(graph.timelines))
    }

    /// About as many entries of a timeline as a command adds while filling.
    private static let entriesPerCommand = 20

    /// The next posts, timeline by timeline.
    private func add(posts: Int) throws {
        var entries = [[Int32]](repeating: [], count: graph.timelines)
        for _ in 0..<posts {
            let author = history.next(graph)
            let post = Int32(history.count - 1)
            for reader in graph.followers(of: author) { entries[Int(reader)].append(post) }
        }
        let readers = entries.indices.filter { !entries[$0].isEmpty }
        var next = 0
        let adding = RESPLoad(commandsPerRequest: 1) { [self] bytes in
            let reader = readers[next]
            next += 1
            let ids = entries[reader].lazy.map { Self.id(Int($0)) }
            switch structure {
            case .sortedSet: bytes.appendAdd(toSet: keyLetter, reader, ids: Array(ids))
            case .list: bytes.appendAdd(toList: keyLetter, reader, ids: Array(ids))
            }
        }
        _ = try PipelinedLoad(port: server.port, connections: 1, inFlight: 64, adding)
            .run(until: .requests(readers.count))
    }

    /// Posts, trimming every timeline.
    func post(_ posts: Int) throws {
        _ = try load(
            commands: 2 * perRequest, trims: perRequest,
            until: .requests(posts * graph.followersPerPost / perRequest))
    }

    /// The id of a post by somebody who is not in the graph.
    func noteOther() -> Int {
        history.noteOther()
        return Self.id(history.count - 1)
    }

    /// Posts as fast as the server takes it.
    func measure(_ way: RedisFanOutWay, seconds: Double) throws -> FanOutFigures {
        let figures: LoadFigures
        let clock = ServerClock(server.identifier)
        if way == .sortedSetScript || way == .listScript {
            try prepareScript()
            let requests = RESPLoad(commandsPerRequest: 1) { [self] in appendScriptCall(&$0) }
            figures = try PipelinedLoad(port: server.port, connections: 1, inFlight: Self.inFlight, requests)
                .run(until: .seconds(seconds, warmUp: seconds / 5))
        } else {
            let trims = way.trims(of: perRequest)
            figures = try load(
                commands: perRequest + trims, trims: trims, until: .seconds(seconds, warmUp: seconds / 5))
        }
        let processors = clock.processors
        try check()
        return FanOutFigures(
            deliveriesPerSecond: figures.perSecond * Double(perRequest), answerP50: figures.percentile(0.5),
            answerP99: figures.percentile(0.99), processors: processors)
    }

    private func load(commands: Int, trims: Int, until end: LoadEnd) throws -> LoadFigures {
        let requests = RESPLoad(commandsPerRequest: commands) { [self] bytes in
            let (post, followers) = nextFollowers()
            for reader in followers { appendEntry(Int(reader), post, &bytes) }
            if trims == followers.count {
                for reader in followers { appendTrim(Int(reader), &bytes) }
            } else if trims > 0 {
                let (first, step) = (random.below(followers.count), followers.count / trims)
                for number in 0..<trims {
                    let place = (first + number * step) % followers.count
                    appendTrim(Int(followers[followers.startIndex + place]), &bytes)
                }
            }
        }
        return try PipelinedLoad(port: server.port, connections: 1, inFlight: Self.inFlight, requests).run(until: end)
    }

    /// The followers of the next request, and the number of the post that they get.
    private func nextFollowers() -> (post: Int, followers: ArraySlice<UInt32>) {
        if nextFollower == graph.followersPerPost {
            author = history.next(graph)
            nextFollower = 0
        }
        let all = graph.followers(of: author)
        let first = all.startIndex + nextFollower
        nextFollower += perRequest
        return (history.count - 1, all[first..<(first + perRequest)])
    }

    /// A post's id: of the shape and length of Starling's own.
    static func id(_ post: Int) -> Int { 466_000_000_000_000_000 + post << 10 }
    private static func post(_ id: Int) -> Int { (id - 466_000_000_000_000_000) >> 10 }

    private func appendEntry(_ reader: Int, _ post: Int, _ bytes: inout RequestBytes) {
        switch structure {
        case .sortedSet: bytes.appendAdd(toSet: keyLetter, reader, id: Self.id(post))
        case .list: bytes.appendAdd(toList: keyLetter, reader, id: Self.id(post))
        }
    }

    private func appendTrim(_ reader: Int, _ bytes: inout RequestBytes) {
        switch structure {
        case .sortedSet: bytes.appendTrim(set: keyLetter, reader, cap: cap)
        case .list: bytes.appendTrim(list: keyLetter, reader, cap: cap)
        }
    }

    private func prepareScript() throws {
        guard script.isEmpty else { return }
        let body =
            structure == .sortedSet
            ? "redis.call('ZADD',key,id,id) redis.call('ZREMRANGEBYRANK',key,0,\(-cap - 1))"
            : "redis.call('LPUSH',key,id) redis.call('LTRIM',key,0,\(cap - 1))"
        script = try control.call(
            "SCRIPT", "LOAD", "local id=ARGV[1] for _,key in ipairs(KEYS) do \(body) end return #KEYS"
        ).string
    }

    private func appendScriptCall(_ bytes: inout RequestBytes) {
        let (post, followers) = nextFollowers()
        bytes.appendCall(script: script, keys: followers.count, arguments: 1)
        for reader in followers { bytes.append(bulk: keyLetter, Int(reader)) }
        bytes.append(bulk: nil, Self.id(post))
    }

    /// Compares pages with what the posts so far must give.
    private func check() throws {
        // A post whose followers are not all reached yet may or may not be on a page.
        let unfinished = nextFollower < graph.followersPerPost ? history.count - 1 : -1
        let letter = String(decoding: [keyLetter], as: UTF8.self)
        for reader in PostHistory.samples(graph) {
            let expected = history.page(of: reader, graph, count: PostHistory.sampleSize + 1)
            let command = structure == .sortedSet ? "ZREVRANGE" : "LRANGE"
            guard case .list(let items) = try control.call(command, "\(letter)\(reader)", "0", "50") else {
                throw ProgramError(text: "redis-server has no timeline of reader \(reader)")
            }
            let page = items.compactMap { Int($0.string) }.map(Self.post)
            func comparable(_ posts: [Int]) -> ArraySlice<Int> {
                posts.filter { $0 != unfinished }.prefix(PostHistory.sampleSize)
            }
            guard comparable(page) == comparable(expected) else {
                throw ProgramError(text: "redis-server: the timeline of reader \(reader) is not what was posted")
            }
        }
    }
}
