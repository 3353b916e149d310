import StarlingEngine

/// Others' delivery delays, with and without one author whom everybody follows.
struct GiantMeasurement {
    let options: SuiteOptions
    let graph: FanOutGraph
    let workers: Int
    let cap: Int
    /// Others' posts a second.
    let postsPerSecond: Double
    /// The giant's.
    let giantPostsPerSecond: Double
    let seconds: Double

    static let columns: [Section.Column] = [
        .init(name: "others' delay p50", unit: .seconds), .init(name: "others' delay p99", unit: .seconds),
        .init(name: "posts that are not the giant's", unit: .count), .init(name: "the giant's posts", unit: .count),
    ]

    /// How the giant's posts reach the followers.
    enum Mode: String, CaseIterable {
        case pushed = "the giant's posts are pushed"
        case pulled = "the giant is merged at read"
    }

    private var giant: UserID { UserID(rawValue: graph.user(ofAuthor: graph.authors)) }

    /// An engine whose every reader follows the giant.
    func prepare(_ mode: Mode) throws -> LoadedEngine {
        Progress.note("filling an engine: \(mode.rawValue)")
        let name = mode == .pushed ? "giant-pushed" : "giant-pulled"
        let engine = try LoadedEngine(graph, directory: options.directory(name)) {
            $0.workers = workers
            $0.timelineCap = cap
            // Above every author's followers but, when the giant is to be merged, below the giant's.
            $0.celebrityThreshold = mode == .pushed ? 2 * graph.timelines : 2 * graph.followersPerPost
        }
        try engine.follow()
        var rows: [NewFollow] = []
        for reader in 0..<graph.timelines {
            rows.append(NewFollow(follower: UserID(rawValue: graph.user(ofReader: reader)), followee: giant))
            if rows.count == 5_000 || reader == graph.timelines - 1 {
                try engine.run(.importFollows(rows))
                rows.removeAll(keepingCapacity: true)
            }
        }
        try engine.fill()
        return engine
    }

    func measure(_ engine: LoadedEngine, withGiant: Bool) throws -> [Double?] {
        let before = try engine.quiesce()
        let giants = try engine.post(
            perSecond: postsPerSecond, seconds: seconds,
            beside: withGiant ? (NewPost(author: giant, text: "a giant's post"), giantPostsPerSecond) : nil)
        let after = try engine.quiesce()
        let delays = after.delays.since(before.delays)
        let all = Double(after.posts - before.posts)
        let delivered = after.pushed + after.pulled - before.pushed - before.pulled
        let expected = (all - Double(giants)) * Double(graph.followersPerPost) + Double(giants * graph.timelines)
        guard Double(delivered) == expected else {
            throw ProgramError(text: "starling: \(delivered) deliveries, not \(Int(expected))")
        }
        return [
            Double(delays.percentile(0.5)) / 1e9, Double(delays.percentile(0.99)) / 1e9, all - Double(giants),
            Double(giants),
        ]
    }
}
