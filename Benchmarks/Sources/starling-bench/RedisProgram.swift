import Foundation
import Glibc

/// The redis-server that is measured beside Starling, or another server that speaks its protocol.
struct RedisProgram {
    let path: String

    /// Its name in tables.
    var name: String { URL(fileURLWithPath: path).lastPathComponent }

    /// Starts a server on loopback in `directory`; it loads the RDB file that is there. Returns at once. `settings` are
    /// further arguments; the later of two holds.
    func start(directory: String, settings: [String] = []) throws -> RunningRedis {
        let port = try LoopbackSocket.freePort()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["--port", "\(port)", "--dir", directory] + Self.settings + settings
        process.standardOutput = FileHandle.nullDevice
        try ChildProcesses.shared.start(process)
        return RunningRedis(process: process, port: port)
    }

    /// What it is started with, besides port and directory.
    static let settings = [
        "--bind", "127.0.0.1", "--dbfilename", "dump.rdb", "--save", "", "--appendonly", "no", "--daemonize", "no",
        "--loglevel", "warning", "--enable-protected-configs", "local",
    ]

    /// Members of a key that go into one ZADD.
    private static let membersPerCommand = 400
    /// Commands that are sent before answers are read.
    private static let commandsInFlight = 64

    /// The key of a user's timeline.
    static func key(_ user: Int) -> String { "timeline:\(user)" }

    /// A post's member: an id of the shape and length of Starling's own.
    static func member(_ post: Int) -> String { String(466_000_000_000_000_000 + post << 10) }

    /// Puts the newest `entries` posts into each timeline (score and member are the post's id), and saves them.
    func fill(_ graph: TimelineGraph, directory: String) throws -> (
        entries: Int, fillSeconds: Double, saveSeconds: Double
    ) {
        Progress.note("filling Redis")
        let server = try start(directory: directory)
        defer { server.stop() }
        let connection = try server.waitUntilLoaded().connection
        let begin = monotonicSeconds()
        var random = SplitMix(state: 4)
        var entries = 0
        var bytes: [UInt8] = []
        var commands = 0
        for user in 1...graph.timelines {
            // The posts of 200 authors among all of them lie about `timelines / followees` numbers apart.
            let gap = max(1, graph.posts / (graph.entries + graph.followees))
            var post = random.below(gap)
            var left = graph.entries
            while left > 0 {
                let count = min(left, Self.membersPerCommand)
                var arguments = ["ZADD", Self.key(user)]
                for _ in 0..<count {
                    let member = Self.member(post)
                    arguments += [member, member]
                    post += 1 + random.below(2 * gap - 1)
                }
                RedisConnection.append(arguments, to: &bytes)
                commands += 1
                left -= count
            }
            entries += graph.entries
            if commands >= Self.commandsInFlight || user == graph.timelines {
                try connection.send(bytes)
                for _ in 0..<commands { try RunningRedis.check(connection.answer()) }
                bytes.removeAll(keepingCapacity: true)
                commands = 0
            }
        }
        let filled = monotonicSeconds()
        Progress.note("saving \(entries) entries of Redis")
        try RunningRedis.check(connection.call("SAVE"))
        return (entries, filled - begin, monotonicSeconds() - filled)
    }
}

/// A redis-server that was started for a measurement.
struct RunningRedis {
    let process: Process
    let port: Int

    var identifier: Int32 { process.processIdentifier }

    /// Polls with PING, each millisecond, until the answer is PONG and neither LOADING nor a refused connection.
    func waitUntilLoaded() throws -> (connection: RedisConnection, at: Double) {
        while true {
            guard process.isRunning else { throw ProgramError(text: "redis-server ended while loading") }
            if let connection = RedisConnection(port: port) {
                while case .error(let text) = try connection.call("PING") {
                    guard text.hasPrefix("LOADING") else { throw ProgramError(text: "redis-server: \(text)") }
                    usleep(1_000)
                }
                return (connection, monotonicSeconds())
            }
            usleep(1_000)
        }
    }

    static func check(_ answer: RedisValue) throws {
        if case .error(let text) = answer { throw ProgramError(text: "redis-server: \(text)") }
    }

    /// Ends it without saving.
    func stop() {
        Glibc.kill(identifier, SIGKILL)
        ChildProcesses.shared.wait(process)
    }
}
