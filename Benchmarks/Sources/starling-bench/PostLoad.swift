import Foundation

/// Posts by users drawn at random, at full speed or at a steady rate.
final class PostLoad: Sendable {
    private let loops: [BackgroundLoop]

    /// Bodies that are sent in turn; making them costs too much to do it for each.
    private static let bodies = 32

    /// `postsPerSecond` nil: as many as the daemon takes, on two connections.
    init(http: String, users: Int, postsPerSecond: Double?) {
        let rows = postsPerSecond.map { max(1, Int($0 / 20)) } ?? 500
        loops = (0..<(postsPerSecond == nil ? 2 : 1)).map { number in
            BackgroundLoop("load") { mustStop in
                var random = SplitMix(state: UInt64(number + 6))
                let bodies = (0..<Self.bodies).map { _ in PostBatch.body(rows: rows, users: users, &random) }
                let connection = try HTTPConnection(http)
                let start = monotonicSeconds()
                var sent = 0
                while !mustStop() {
                    if let postsPerSecond {
                        let early = start + Double(sent * rows) / postsPerSecond - monotonicSeconds()
                        if early > 0 { Thread.sleep(forTimeInterval: early) }
                    }
                    let answer = try connection.answer("POST", "/v1/batch/posts", body: bodies[sent % Self.bodies])
                    // 503 says that a queue is full; the same again, a moment later.
                    guard answer.status != 503 else {
                        Thread.sleep(forTimeInterval: 0.01)
                        continue
                    }
                    guard answer.status == 200 else {
                        throw ProgramError(text: "posts were answered with \(answer.status)")
                    }
                    sent += 1
                }
            }
        }
    }

    /// Ends it.
    func stop() throws { for loop in loops { try loop.stop() } }
}
