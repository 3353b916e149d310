import Foundation

extension ReplayReport {
    /// For people.
    var text: String {
        var lines: [String] = ["replayed into \(target)"]
        if followRows > 0 {
            lines.append(
                "  follows      \(Quantity.count(followRows)) rows, \(Quantity.count(Int(totals.edges))) edges,"
                    + " \(rate(followRows, followSeconds)) rows/s")
        }
        if skippedPosts > 0 { lines.append("  resumed      \(Quantity.count(skippedPosts)) posts were there") }
        let deliveries = Int(totals.pushed + totals.pulled + totals.skippedAway)
        lines += [
            "  posts        \(Quantity.count(postRows)), \(rate(postRows, postSeconds)) posts/s",
            "  deliveries   \(Quantity.count(deliveries)) = \(Quantity.count(Int(totals.pushed))) pushed"
                + " + \(Quantity.count(Int(totals.pulled))) left to pull"
                + " + \(Quantity.count(Int(totals.skippedAway))) skipped",
            "  fan-out      \(rate(Int(totals.pushed), postSeconds)) deliveries/s; delay p50"
                + " \(Quantity.duration(microseconds: totals.delayP50)), p99"
                + " \(Quantity.duration(microseconds: totals.delayP99)), max"
                + " \(Quantity.duration(microseconds: totals.delayMaximum))",
            "  timelines    \(Quantity.count(Int(totals.timelineEntries))) entries,"
                + " \(perEntry) bytes an entry",
            "  edges        \(perEdge) bytes an edge, everything counted",
            "  log          \(Quantity.bytes(totals.logBytes))",
            "  digest       \(digest)",
        ]
        if refusedFollows + refusedPosts > 0 {
            lines.append(
                "  refused      \(refusedFollows) follows, \(refusedPosts) posts; the first: \(firstRefusal ?? "")")
        }
        lines.append("feed of user \(sampleUser):")
        for entry in sample {
            let time = Date(timeIntervalSince1970: Double(entry.milliseconds) / 1_000).ISO8601Format()
            lines.append("  \(time)  \(entry.author): \(entry.text)  (\(entry.post))")
        }
        return lines.joined(separator: "\n")
    }

    private func rate(_ count: Int, _ seconds: Double) -> String {
        seconds > 0 ? Quantity.count(Int(Double(count) / seconds)) : "-"
    }

    private var perEntry: String {
        totals.timelineEntries > 0
            ? Quantity.decimal(Double(totals.timelineBytes) / Double(totals.timelineEntries)) : "-"
    }

    private var perEdge: String {
        totals.edges > 0 ? Quantity.decimal(Double(totals.edgeBytes) / Double(totals.edges)) : "-"
    }

    /// For programs: one JSON object.
    var json: String {
        let values: [String: Any] = [
            "target": target, "followRows": followRows, "followSeconds": followSeconds, "postRows": postRows,
            "skippedPosts": skippedPosts, "postSeconds": postSeconds,
            "postsPerSecond": postSeconds > 0 ? Double(postRows) / postSeconds : 0,
            "deliveriesPerSecond": postSeconds > 0 ? Double(totals.pushed) / postSeconds : 0,
            "refusedFollows": refusedFollows, "refusedPosts": refusedPosts, "users": totals.users,
            "edges": totals.edges, "posts": totals.posts, "pushed": totals.pushed, "pull": totals.pulled,
            "skippedAway": totals.skippedAway, "timelineEntries": totals.timelineEntries,
            "timelineBytes": totals.timelineBytes, "edgeBytes": totals.edgeBytes, "logBytes": totals.logBytes,
            "delayP50Microseconds": totals.delayP50, "delayP99Microseconds": totals.delayP99,
            "delayMaxMicroseconds": totals.delayMaximum, "digest": digest, "sampleUser": sampleUser,
            "sample": sample.map { ["post": "\($0.post)", "author": "\($0.author)", "text": $0.text] },
        ]
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: values, options: options) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
