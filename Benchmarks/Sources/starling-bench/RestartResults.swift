import Foundation

/// All runs of the `restart` suite, and how they are shown.
struct RestartResults: Codable {
    var machine: Machine
    var facts: FullTimelines.Facts
    var starling: [RestartSample] = []
    var redis: [RestartSample] = []
    var tails: [TailSample] = []

    /// Redis' time to PONG by Starling's time to the first page; medians.
    func ratio(_ cache: PageCache) -> Double? {
        let ours = starling.filter { $0.cache == cache }.map(\.pageSeconds)
        let theirs = redis.filter { $0.cache == cache }.map(\.readySeconds)
        guard !ours.isEmpty, !theirs.isEmpty else { return nil }
        return Spread(theirs).median / Spread(ours).median
    }

    var table: String {
        var lines = [
            "# Restart with full timelines", "", machine.line + " Medians (least to greatest).", "",
            "\(facts.graph.timelines) timelines of at least \(facts.graph.entries) entries: \(facts.entries) in Starling"
                + " (which keeps up to one leaf more than its cap, and the graph, and the posts), \(facts.redisEntries) in"
                + " Redis (sorted sets, score and member are the id). On the disk: Starling's snapshot"
                + " \(Self.gigabytes(facts.starlingSnapshotBytes)) and log \(Self.gigabytes(facts.starlingLogBytes)), RDB"
                + " \(Self.gigabytes(facts.redisFileBytes)). \(facts.workers) workers.", "",
            "Time runs from before exec. Starling: to the first page of 50 ids over HTTP, compared with the page before the"
                + " restart. Redis: to the first PONG that is not LOADING.", "",
            "| page cache | server | runs | seconds | its processor time, s | first page, s | RSS then | others' processors |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for cache in PageCache.allCases {
            for (name, samples) in [("starling", starling), ("redis-server", redis)] {
                let group = samples.filter { $0.cache == cache }
                if !group.isEmpty { lines.append(Self.row(cache, name, group)) }
            }
        }
        lines.append("")
        for cache in PageCache.allCases {
            if let ratio = ratio(cache) {
                let verdict = ratio >= 20 ? "at least 20: met" : "below 20: NOT met"
                lines.append(String(format: "Ratio, \(cache.rawValue): **%.0f** (\(verdict)).", ratio))
            }
        }
        return (lines + movingLines + tailLines).joined(separator: "\n")
    }

    private static func gigabytes(_ bytes: some BinaryInteger) -> String {
        String(format: "%.2f GB", Double(bytes) / 1e9)
    }

    private static func row(_ cache: PageCache, _ name: String, _ group: [RestartSample]) -> String {
        let isStarling = name == "starling"
        let columns = [
            cache.rawValue, name, "\(group.count)",
            Spread(group.map { isStarling ? $0.pageSeconds : $0.readySeconds }).text("%.3f"),
            Spread(group.map(\.processorSeconds)).text("%.2f"), Spread(group.map(\.pageSeconds)).text("%.3f"),
            gigabytes(UInt64(Spread(group.map { Double($0.memory.rss) }).median)),
            Spread(group.map(\.otherProcessors)).text("%.2f"),
        ]
        return "| " + columns.joined(separator: " | ") + " |"
    }

    /// What happens while it serves already: pages move from the files' mappings into huge pages.
    private var movingLines: [String] {
        guard !starling.isEmpty else { return [] }
        var lines = [
            "", "Moving what was mapped into huge pages, while serving:", "",
            "| page cache | moved after exec, s | RSS then | peak RSS | huge pages | worker stalls p50 / p99 / p99.9 / max (count) |",
            "|---|---|---|---|---|---|",
        ]
        for cache in PageCache.allCases {
            let group = starling.filter { $0.cache == cache }
            guard !group.isEmpty else { continue }
            let moved = group.compactMap(\.movedMemory)
            let worst = group.compactMap(\.moveStalls).sorted { $0.p999 < $1.p999 }
            let columns = [
                cache.rawValue, Spread(group.compactMap(\.movedSeconds)).text("%.2f"),
                Self.gigabytes(UInt64(Spread(moved.map { Double($0.rss) }).median)),
                Self.gigabytes(UInt64(Spread(moved.map { Double($0.peak) }).median)),
                Self.gigabytes(UInt64(Spread(group.map { Double($0.hugePageBytes ?? 0) }).median)),
                worst.isEmpty ? "" : worst[worst.count / 2].text,
            ]
            lines.append("| " + columns.joined(separator: " | ") + " |")
        }
        let equal = starling.filter { $0.digestIsEqual == true }.count
        lines += ["", "State digest after the restart equal to the one before: \(equal) of \(starling.count) starts."]
        return lines
    }

    private var tailLines: [String] {
        guard !tails.isEmpty else { return [] }
        var lines = [
            "", "After SIGKILL, with records behind the snapshot to replay (page cache warm):", "",
            "| records | deliveries | runs | first page after, s | digest equal | others' processors |",
            "|---|---|---|---|---|---|",
        ]
        for records in Set(tails.map(\.records)).sorted() {
            let group = tails.filter { $0.records == records }
            lines.append(
                "| \(records) | \(group.first?.deliveries ?? 0) | \(group.count) |"
                    + " \(Spread(group.map(\.pageSeconds)).text("%.3f")) |"
                    + " \(group.filter(\.digestIsEqual).count) of \(group.count) |"
                    + " \(Spread(group.map(\.otherProcessors)).text("%.2f")) |")
        }
        return lines
    }
}
