import Foundation

/// The servers beside Starling that are installed here.
enum Peers {
    /// Those that speak the protocol of Redis, in the order of preference.
    static func redisLike() -> [RedisProgram] {
        ["redis-server", "valkey-server"].compactMap { path(of: $0) }.map(RedisProgram.init(path:))
    }

    /// Where a program lies: in PATH, or where servers are that not everybody's PATH has.
    static func path(of name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"]
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Lines for reports: what is measured, and how it is set.
    static func describe(_ peers: [RedisProgram], settings: [String] = []) -> [String] {
        if peers.isEmpty { return ["Peers: none is installed (looked for redis-server and valkey-server)."] }
        return peers.map { peer in
            let arguments = (RedisProgram.settings + settings).map { $0.isEmpty ? "''" : $0 }.joined(separator: " ")
            return "\(peer.name): \(peer.version); `\(arguments)`"
        }
    }
}

extension RedisProgram {
    /// What it says of its version.
    var version: String {
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["--version"]
        process.standardOutput = output
        guard (try? process.run()) != nil else { return "unknown" }
        let data = (try? output.fileHandleForReading.readToEnd()) ?? nil
        process.waitUntilExit()
        return String(decoding: data ?? Data(), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// How much of a processor a server uses.
struct ServerClock {
    private let process: Int32
    private let used: Double
    private let start = monotonicSeconds()

    init(_ process: Int32) {
        self.process = process
        used = ProcessFigures.processorSeconds(process)
    }

    /// Processor time since the beginning.
    var seconds: Double { ProcessFigures.processorSeconds(process) - used }

    /// Processors since the beginning.
    var processors: Double { seconds / max(monotonicSeconds() - start, 1e-3) }
}
