import StarlingEngine

/// One post to 5,000 followers: in batches of many sizes, by one thread or by several.
struct BatchMeasurement {
    let options: SuiteOptions
    let graph: FanOutGraph
    let cap: Int
    /// Posts of a run.
    let posts: Int

    static let columns: [Section.Column] = [
        .init(name: "time a post", unit: .seconds), .init(name: "deliveries/s", unit: .perSecond),
    ]

    func row(_ secondsPerPost: Double) -> [Double?] {
        [secondsPerPost, Double(graph.followersPerPost) / secondsPerPost]
    }

    /// Posts to an engine, one after the other: from handing a post over until every worker has put it into its followers'
    /// timelines. Returns seconds a post.
    func engine(_ engine: LoadedEngine) throws -> Double {
        let before = try engine.quiesce().pushed
        let start = monotonicSeconds()
        for _ in 0..<posts {
            try engine.post(1)
            _ = try engine.quiesce()
        }
        let seconds = monotonicSeconds() - start
        try engine.check(delivered: try engine.quiesce().pushed - before, posts: posts)
        return seconds / Double(posts)
    }

    /// Posts to Redis, a batch of followers at a time: the next batch is sent when the one before is answered.
    func redis(_ server: RunningRedis, batch: Int, posts: Int) throws -> Double {
        var random = SplitMix(state: 71)
        let start = monotonicSeconds()
        for post in 0..<posts {
            let followers = graph.followers(of: random.below(graph.authors))
            var next = followers.startIndex
            let cap = cap
            let load = RESPLoad(commandsPerRequest: 2 * batch) { bytes in
                for reader in followers[next..<(next + batch)] {
                    bytes.appendAdd(toSet: UInt8(ascii: "z"), Int(reader), id: RedisTimelines.id(1 << 30 + post))
                    bytes.appendTrim(set: UInt8(ascii: "z"), Int(reader), cap: cap)
                }
                next += batch
            }
            _ = try PipelinedLoad(port: server.port, connections: 1, inFlight: 1, load)
                .run(until: .requests(followers.count / batch))
        }
        return (monotonicSeconds() - start) / Double(posts)
    }
}
