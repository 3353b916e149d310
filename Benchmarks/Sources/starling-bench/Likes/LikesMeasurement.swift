import Foundation
import StarlingEngine
import Synchronization

/// Others' delivery delays while very many accounts like one post, and while nobody does; and that no like is lost.
struct LikesMeasurement {
    let options: SuiteOptions
    let graph: FanOutGraph
    let workers: Int
    let cap: Int
    /// Posts a second.
    let postsPerSecond: Double
    let likesPerSecond: Double
    let seconds: Double

    static let columns: [Section.Column] = [
        .init(name: "delay of posts p50", unit: .seconds), .init(name: "delay of posts p99", unit: .seconds),
        .init(name: "likes/s", unit: .count), .init(name: "likes", unit: .count),
        .init(name: "likes that were lost", unit: .count),
    ]

    /// An engine with full timelines.
    func prepare() throws -> LoadedEngine {
        Progress.note("filling an engine")
        let engine = try LoadedEngine(graph, directory: options.directory("likes")) {
            $0.workers = workers
            $0.timelineCap = cap
            $0.celebrityThreshold = 2 * graph.followersPerPost
        }
        try engine.follow()
        try engine.fill()
        return engine
    }

    func measure(_ loaded: LoadedEngine, withLikes: Bool) throws -> [Double?] {
        let engine = loaded.engine
        let author = UserID(rawValue: graph.user(ofAuthor: 0))
        let receipt = try EngineWindow.wait { completion in
            engine.submit(
                .createPost(NewPost(author: author, text: "a post that everybody likes")), WriteContext(actor: author),
                completion: completion)
        }
        guard case .post(let post) = receipt.outcome else { throw ProgramError(text: "a post has no id") }
        let before = try loaded.quiesce()
        let likes = Likes(post: post, firstUser: post.rawValue, perSecond: likesPerSecond, seconds: seconds)
        let thread = Thread { likes.run(engine) }
        if withLikes { thread.start() }
        try loaded.post(perSecond: postsPerSecond, seconds: seconds)
        if withLikes { try likes.wait() }
        let delays = try loaded.quiesce().delays.since(before.delays)
        let counts = try EngineWindow.wait { engine.counts(of: post, completion: $0) }
        let (sent, took) = likes.result
        return [
            Double(delays.percentile(0.5)) / 1e9, Double(delays.percentile(0.99)) / 1e9,
            withLikes ? Double(sent) / took : nil, Double(sent), Double(sent - (counts?.reactions ?? 0)),
        ]
    }
}

/// Likes of one post at a steady rate, each by another account, on a thread of its own.
private final class Likes: Sendable {
    private let post: PostID
    private let firstUser: UInt64
    private let perSecond: Double
    private let seconds: Double
    private let state = Mutex<(sent: Int, took: Double, failure: String?)>((0, 1, nil))
    private let done = DispatchSemaphore(value: 0)

    init(post: PostID, firstUser: UInt64, perSecond: Double, seconds: Double) {
        self.post = post
        self.firstUser = firstUser
        self.perSecond = perSecond
        self.seconds = seconds
    }

    /// How many were acknowledged, and in what time.
    var result: (sent: Int, took: Double) { state.withLock { ($0.sent, $0.took) } }

    func run(_ engine: Engine) {
        let window = EngineWindow(8_192)
        let start = monotonicSeconds()
        var sent = 0
        do {
            while sent < Int(perSecond * seconds) {
                let due = min(Int((monotonicSeconds() - start) * perSecond), Int(perSecond * seconds))
                while sent < due {
                    let user = UserID(rawValue: firstUser &+ UInt64(sent) &* 0x9e37_79b9_7f4a_7c15 | 1)
                    try window.submit(.react(.post(post), .like), WriteContext(actor: user), to: engine)
                    sent += 1
                }
                Thread.sleep(forTimeInterval: 0.000_2)
            }
            try window.drain()
            state.withLock { $0 = (sent, monotonicSeconds() - start, nil) }
        } catch {
            state.withLock { $0 = (sent, monotonicSeconds() - start, "\(error)") }
        }
        done.signal()
    }

    /// Until all are acknowledged.
    func wait() throws {
        done.wait()
        if let failure = state.withLock({ $0.failure }) { throw ProgramError(text: failure) }
    }
}
