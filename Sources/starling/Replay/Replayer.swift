import StarlingEngine
import StarlingSystem

/// What a replay measured.
struct ReplayReport: Sendable {
    var target: String
    var followRows = 0
    var followSeconds = 0.0
    var postRows = 0
    var skippedPosts = 0
    var postSeconds = 0.0
    var refusedFollows = 0
    var refusedPosts = 0
    var firstRefusal: String?
    var totals = ReplayTotals()
    var digest = ""
    var sampleUser: UInt64 = 0
    var sample: [SampleEntry] = []
}

/// Sends a source's edges and posts to a target, in batches, a few of them unanswered at any time.
struct Replayer {
    let source: any ReplaySource
    let target: any ReplayTarget
    let batchRows: Int
    let inFlight: Int
    let isResuming: Bool

    /// Edges among which the user of the sample feed is looked for.
    private static let sampledEdges = 1_000_000

    func run() async throws -> ReplayReport {
        var report = ReplayReport(target: target.name)
        let before = try await target.totals()
        if !isResuming, before.edges > 0 || before.posts > 0 {
            throw Failure(
                "the target holds \(before.edges) edges and \(before.posts) posts already: add --resume to go on with an"
                    + " interrupted replay, or choose an empty data directory", code: 64)
        }
        // Posts begin when all edges are in, so with posts there the edges are complete.
        report.sampleUser = try await sendFollows(isNeeded: before.posts == 0, &report)
        try await sendPosts(skipping: Int(before.posts), &report)
        report.sample = try await target.feed(of: report.sampleUser, limit: 10)
        return report
    }

    /// Sends the edges and returns the user who follows most.
    private func sendFollows(isNeeded: Bool, _ report: inout ReplayReport) async throws -> UInt64 {
        let time = SystemTime()
        let start = time.monotonicNanoseconds()
        var rows = try source.follows()
        var counts: [UInt64: Int] = [:]
        let tally = OutcomeTally()
        var bar = ProgressBar("follows", unit: "edges")
        let window = InFlightWindow(size: inFlight)
        var batch: [NewFollow] = []
        while let row = try rows.next() {
            if report.followRows < Self.sampledEdges { counts[row.follower.rawValue, default: 0] += 1 }
            report.followRows += 1
            if !isNeeded {
                if report.followRows >= Self.sampledEdges { break }
                continue
            }
            batch.append(row)
            if batch.count == batchRows {
                try await send(batch, window, tally)
                batch.removeAll(keepingCapacity: true)
                bar.update(report.followRows, share: rows.progress)
            }
        }
        if !batch.isEmpty { try await send(batch, window, tally) }
        try await window.drain()
        if isNeeded { bar.finish(report.followRows) }
        report.followSeconds = isNeeded ? Double(time.monotonicNanoseconds() - start) / 1e9 : 0
        if !isNeeded { report.followRows = 0 }
        let outcome = tally.total
        report.refusedFollows = outcome.refused
        report.firstRefusal = outcome.firstRefusal
        // Ties go to the lower id, so that every run shows the same feed.
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
    }

    private func send(_ batch: [NewFollow], _ window: InFlightWindow, _ tally: OutcomeTally) async throws {
        try await window.enter()
        target.importFollows(batch) { window.leave(tally.add($0)) }
    }

    private func sendPosts(skipping: Int, _ report: inout ReplayReport) async throws {
        let time = SystemTime()
        var rows = try source.posts()
        try await skip(skipping, &rows)
        report.skippedPosts = skipping
        let tally = OutcomeTally()
        var bar = ProgressBar("posts  ", unit: "posts")
        let window = InFlightWindow(size: inFlight)
        var batch: [NewPost] = []
        let start = time.monotonicNanoseconds()
        while let row = try rows.next() {
            report.postRows += 1
            batch.append(row)
            if batch.count == batchRows {
                try await send(batch, window, tally)
                batch.removeAll(keepingCapacity: true)
                bar.update(report.postRows, share: rows.progress)
            }
        }
        if !batch.isEmpty { try await send(batch, window, tally) }
        try await window.drain()
        bar.finish(report.postRows)
        report.totals = try await target.totals()
        report.postSeconds = Double(time.monotonicNanoseconds() - start) / 1e9
        report.digest = try await target.digest()
        let outcome = tally.total
        report.refusedPosts = outcome.refused
        report.firstRefusal = report.firstRefusal ?? outcome.firstRefusal
    }

    private func send(_ batch: [NewPost], _ window: InFlightWindow, _ tally: OutcomeTally) async throws {
        try await window.enter()
        target.importPosts(batch) { window.leave(tally.add($0)) }
    }

    /// Passes over the posts that are there, and makes sure that they are these.
    private func skip(_ count: Int, _ rows: inout any RowSequence<NewPost>) async throws {
        var last: NewPost?
        for _ in 0..<count {
            guard let row = try rows.next() else {
                throw Failure("the target holds \(count) posts, more than the input: it is another replay's", code: 64)
            }
            last = row
        }
        guard let last else { return }
        let newest = try await target.newestPost(of: last.author.rawValue)
        guard let newest, newest == last.createdAt else {
            throw Failure(
                "post \(count) of the input is by \(last.author), but the target holds another there: it is another"
                    + " replay's data", code: 64)
        }
    }
}
