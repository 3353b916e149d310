/// Reads pages from all sides in turn.
struct ReadMeasurement {
    let runs: Int
    let seconds: Double
    /// Posts a second while pages are read.
    let posts: Double
    let starling: StarlingPages
    let redis: [(name: String, pages: RedisPages)]

    /// Numbers in flight on each connection.
    let depths: [Int]
    let only: ReadPart?
    /// The one where only one is measured.
    private static let usualDepth = 16

    func run(_ report: inout Report) throws -> [Section] {
        if only == .celebrities { return [try merged(.twenty, &report)] }
        let plain = try plain()
        for (name, _) in redis {
            report.note(
                "pages/s of ids, 16 in flight, to \(name) at the same cap",
                plain.ratio(Self.ids(Self.usualDepth), to: Self.ranges(name, Self.usualDepth)), atLeast: 5)
            report.note(
                "pages/s of ids, 16 in flight, to \(name) at a cap of \(RedisPages.smallCap)",
                plain.ratio(Self.ids(Self.usualDepth), to: Self.smallRanges(name, Self.usualDepth)), atLeast: 1.2)
        }
        var sections = [plain]
        if only == .ids { return sections }
        for third in [CelebrityGraph.Third.twenty, .all] { sections.append(try merged(third, &report)) }
        sections.append(try duringFanOut())
        return sections
    }

    private static let starlingSide = "Starling, merged at read"
    private static func ids(_ depth: Int) -> String { "Starling, ids, \(depth) in flight" }
    private static func ranges(_ name: String, _ depth: Int) -> String { "\(name), ZREVRANGE, \(depth) in flight" }
    private static func smallRanges(_ name: String, _ depth: Int) -> String {
        "\(name), ZREVRANGE at a cap of \(RedisPages.smallCap), \(depth) in flight"
    }

    private func plain() throws -> Section {
        var sides: [Turns.Side] = []
        for depth in depths {
            sides.append(
                Turns.Side(Self.ids(depth)) {
                    try starling.pages(.none, inFlight: depth, seconds: seconds).row
                })
            for (name, pages) in redis {
                sides.append(
                    Turns.Side(Self.ranges(name, depth)) {
                        try pages.plain(isSmall: false, inFlight: depth, seconds: seconds).row
                    })
                sides.append(
                    Turns.Side(Self.smallRanges(name, depth)) {
                        try pages.plain(isSmall: true, inFlight: depth, seconds: seconds).row
                    })
            }
        }
        sides.append(
            Turns.Side("Starling, ids with authors and times, \(Self.usualDepth) in flight") {
                try starling.pages(.none, .items, inFlight: Self.usualDepth, seconds: seconds).row
            })
        for depth in depths where only == nil {
            sides.append(
                Turns.Side("Starling, hydrated, \(depth) in flight") {
                    try starling.pages(.none, .hydrated, inFlight: depth, seconds: seconds).row
                })
            for (name, pages) in redis {
                sides.append(
                    Turns.Side("\(name), hydrated in Lua (ZREVRANGE and MGET), \(depth) in flight") {
                        try pages.hydrated(inFlight: depth, seconds: seconds).row
                    })
            }
        }
        return try Turns(runs: runs).measure(
            "Pages of 50",
            about: "In flight: on each of the 50 connections.",
            columns: PageFigures.columns, sides)
    }

    private func merged(_ third: CelebrityGraph.Third, _ report: inout Report) throws -> Section {
        let section = try merged(third)
        for (name, _) in redis {
            let best = section.best { $0.hasPrefix(name) } ?? ""
            report.note(
                "pages/s with \(third.celebrities) celebrities, to \(name), best way",
                section.ratio(Self.starlingSide, to: best), atLeast: third == .twenty ? 50 : nil)
        }
        return section
    }

    private func merged(_ third: CelebrityGraph.Third) throws -> Section {
        // Where a page takes milliseconds, a long queue would only be waited for.
        let depth = third == .all ? 1 : Self.usualDepth
        var sides = [
            Turns.Side(Self.starlingSide) { try starling.pages(third, inFlight: depth, seconds: seconds).row }
        ]
        for (name, pages) in redis {
            for way in RedisMergeWay.allCases {
                let depth = way == .union ? 1 : depth
                sides.append(
                    Turns.Side("\(name), \(way.rawValue)") {
                        try pages.merged(way, third, inFlight: depth, seconds: seconds).row
                    })
            }
        }
        return try Turns(runs: runs).measure(
            "Pages merged with \(third.celebrities) celebrities",
            about: "\(depth) in flight on each of the 50 connections\(depth == 1 ? "" : "; 1 for ZUNIONSTORE").",
            columns: PageFigures.columns, sides)
    }

    private func duringFanOut() throws -> Section {
        var sides: [Turns.Side] = []
        for rate in [0, posts, posts * 100] {
            let load = rate == 0 ? "no posts" : "\(Unit.count.text(rate)) posts/s"
            sides.append(
                Turns.Side("Starling, \(load)") {
                    let load = rate == 0 ? nil : try starling.posts(perSecond: rate)
                    let figures = try starling.pages(.none, inFlight: 1, seconds: seconds)
                    try load?.stop()
                    return figures.row
                })
            // Redis cannot take the highest rate.
            guard rate <= posts else { continue }
            for (name, pages) in redis {
                sides.append(
                    Turns.Side("\(name), \(load)") {
                        let load = rate == 0 ? nil : pages.posts(perSecond: rate)
                        let figures = try pages.plain(isSmall: false, inFlight: 1, seconds: seconds)
                        try load?.stop()
                        return figures.row
                    })
            }
        }
        return try Turns(runs: runs).measure(
            "Pages of 50 ids during fan-out",
            about: "1 in flight on each of the 50 connections; every post goes to 200 followers.",
            columns: PageFigures.columns, sides)
    }
}
