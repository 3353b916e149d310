import StarlingEngine

/// Pages from a daemon over TCP: of plain timelines, hydrated, and merged with celebrities'.
final class StarlingPages {
    let graph: CelebrityGraph
    let timelines: DaemonTimelines

    private static let connections = 50
    private static let feedOpcode: UInt16 = 80

    init(_ program: StarlingProgram, _ graph: CelebrityGraph, directory: String, workers: Int, cap: Int) throws {
        self.graph = graph
        timelines = try DaemonTimelines(
            program, graph.graph, directory: directory, workers: workers, cap: cap,
            settings: ["fanout.celebrityThreshold=\(CelebrityGraph.threshold)"],
            change: { $0.celebrityThreshold = CelebrityGraph.threshold },
            prepare: { loaded in
                for third in CelebrityGraph.Third.allCases {
                    try graph.eachBatch(third) { try loaded.run(.importFollows($0)) }
                }
            },
            finish: { loaded in
                for _ in 0..<CelebrityGraph.posts {
                    let rows = (0..<CelebrityGraph.largest).map { number in
                        NewPost(
                            author: UserID(rawValue: graph.user(ofCelebrity: number)), text: "a celebrity's post")
                    }
                    try loaded.run(.importPosts(rows))
                    try loaded.post(graph.postsBetween)
                }
            })
    }

    /// What is on a page.
    enum Shape {
        case ids
        /// With the author and the time of each post.
        case items
        case hydrated
    }

    /// Pages of the readers of a third.
    func pages(
        _ third: CelebrityGraph.Third, _ shape: Shape = .ids, inFlight: Int, seconds: Double
    ) throws -> PageFigures {
        var random = SplitMix(state: 54)
        let readers = graph.readers(third)
        let graph = graph.graph
        let load = FrameLoad(opcode: Self.feedOpcode) { bytes in
            // FeedRequest: user_id = 1, limit = 2, hydrate = 4, ids_only = 6.
            bytes.append(0x09)
            bytes.append(littleEndian: graph.user(ofReader: readers.lowerBound + random.below(readers.count)))
            bytes.append(0x10)
            bytes.append(UInt8(RedisPages.pageSize))
            bytes.append(shape == .ids ? 0x30 : 0x20)
            bytes.append(shape == .items ? 0 : 1)
        }
        let clock = ServerClock(timelines.daemon.identifier)
        let figures = try PipelinedLoad(
            port: timelines.port, connections: Self.connections, inFlight: inFlight, load
        ).run(until: .seconds(seconds, warmUp: seconds / 5))
        return PageFigures(figures, clock)
    }

    /// Posts by authors drawn at random, at a steady rate.
    func posts(perSecond: Double) throws -> PacedLoad {
        let graph = graph.graph
        return try PacedLoad(port: timelines.port, requestsPerSecond: perSecond) {
            var random = SplitMix(state: 55)
            return FrameLoad(opcode: PostWay.single.opcode) { bytes in
                PostPayload.append(
                    author: graph.user(ofAuthor: random.below(graph.authors)), text: PostPayload.usualText,
                    isRow: false, to: &bytes)
            }
        }
    }

    /// Compares pages of all thirds with what they are by definition.
    func check() throws {
        try timelines.daemon.quiesce()
        for third in CelebrityGraph.Third.allCases {
            try DaemonPages.check(
                timelines.daemon,
                readers: graph.readers(third).prefix(3).map { reader in
                    (graph.graph.user(ofReader: reader), graph.followees(of: reader, third))
                })
        }
    }
}
