import Foundation

/// The same three operations through both doors of one daemon.
final class GatewayMeasurement {
    private let options: SuiteOptions
    private let seconds: Double
    private let daemon: RunningDaemon
    private let directory: String
    private let posts: [UInt64]

    private static let readers = 1_000
    private static let authors = 100
    private static let followees = 20
    private static let postsEach = 50
    private static let connections = 50
    private static let text = "a post of a benchmark, of about as many letters as people write, which is about seventy"

    static let columns: [Section.Column] = [
        .init(name: "requests/s", unit: .perSecond), .init(name: "p50", unit: .seconds),
        .init(name: "p99", unit: .seconds), .init(name: "server's processors", unit: .processors),
    ]

    /// What is asked for.
    enum Operation: String, CaseIterable {
        case getPost = "GetPost"
        case createPost = "CreatePost, durable"
        case feed = "Feed, 50 posts, hydrated"

        fileprivate var opcode: UInt16 {
            switch self {
            case .getPost: 49
            case .createPost: PostPayload.singleOpcode
            case .feed: 80
            }
        }
    }

    /// A daemon with a graph: each reader follows some of the authors, who have posted.
    init(options: SuiteOptions, seconds: Double) throws {
        self.options = options
        self.seconds = seconds
        directory = try options.directory("gateway")
        daemon = try StarlingProgram(path: options.starling).serve(data: directory, workers: 2)
        let connection = try HTTPConnection(daemon.http)
        var random = SplitMix(state: 71)
        for reader in 0..<Self.readers {
            let first = random.below(Self.authors)
            let rows = (0..<Self.followees).map { place in
                let author = Self.author((first + place * 5) % Self.authors)
                return "{\"userId\":\"\(Self.reader(reader))\",\"targetId\":\"\(author)\"}"
            }
            _ = try connection.call("POST", "/v1/batch/follows", body: Self.batch(rows))
        }
        var posts: [UInt64] = []
        for _ in 0..<Self.postsEach {
            let rows = (0..<Self.authors).map { "{\"authorId\":\"\(Self.author($0))\",\"text\":\"\(Self.text)\"}" }
            let answer = try connection.call(
                "POST", "/v1/batch/posts", body: Self.batch(rows), as: BatchAnswer.self)
            posts += answer.results.compactMap { UInt64($0.postId ?? "") }
        }
        self.posts = posts
        guard posts.count == Self.authors * Self.postsEach else {
            throw ProgramError(text: "starling made \(posts.count) posts of \(Self.authors * Self.postsEach)")
        }
        try daemon.quiesce()
    }

    private struct BatchAnswer: Decodable {
        struct Row: Decodable { var postId: String? }
        var results: [Row]
    }

    private static func batch(_ rows: [String]) -> [UInt8] {
        Array("{\"rows\":[\(rows.joined(separator: ","))]}".utf8)
    }

    private static func author(_ number: Int) -> Int { 1 + number }
    private static func reader(_ number: Int) -> Int { 1_000 + number }

    /// Ends the daemon and removes its data.
    func stop() {
        daemon.stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Through HTTP, from wrk: one request unanswered on each of the connections.
    func http(_ operation: Operation, _ wrk: WrkProgram) throws -> [Double?] {
        let clock = ServerClock(daemon.identifier)
        let figures = try wrk.run(
            daemon.http, script: script(operation), connections: Self.connections, seconds: Int(seconds.rounded(.up)),
            directory: directory)
        return [figures.requestsPerSecond, figures.p50, figures.p99, clock.processors]
    }

    private func script(_ operation: Operation) -> String {
        switch operation {
        case .getPost:
            """
            local ids = {\(posts.map { "\"\($0)\"" }.joined(separator: ","))}
            request = function() return wrk.format("GET", "/v1/posts/" .. ids[math.random(#ids)]) end
            """
        case .createPost:
            """
            wrk.method = "POST"
            wrk.headers["Content-Type"] = "application/json"
            request = function()
              return wrk.format(nil, "/v1/posts", nil,
                '{"authorId":"' .. math.random(\(Self.authors)) .. '","text":"\(Self.text)"}')
            end
            """
        case .feed:
            """
            request = function()
              return wrk.format("GET", "/v1/users/" .. (\(Self.reader(0)) + math.random(0, \(Self.readers - 1)))
                .. "/feed?limit=50")
            end
            """
        }
    }

    /// Over TCP, as many connections.
    func tcp(_ operation: Operation, inFlight: Int) throws -> [Double?] {
        var random = SplitMix(state: 72)
        let posts = posts
        let text = Array(Self.text.utf8)
        let load = FrameLoad(opcode: operation.opcode) { bytes in
            switch operation {
            case .getPost:
                // GetPostRequest: post_id = 1.
                bytes.append(0x09)
                bytes.append(littleEndian: posts[random.below(posts.count)])
            case .createPost:
                PostPayload.append(
                    author: UInt64(Self.author(random.below(Self.authors))), text: text, isRow: false, to: &bytes)
            case .feed:
                // FeedRequest: user_id = 1, limit = 2.
                bytes.append(0x09)
                bytes.append(littleEndian: UInt64(Self.reader(random.below(Self.readers))))
                bytes.append(0x10)
                bytes.append(50)
            }
        }
        let clock = ServerClock(daemon.identifier)
        let figures = try PipelinedLoad(
            port: daemon.tcpPort, connections: Self.connections, inFlight: inFlight, load
        ).run(until: .seconds(seconds, warmUp: seconds / 5))
        return [figures.perSecond, figures.percentile(0.5), figures.percentile(0.99), clock.processors]
    }
}
