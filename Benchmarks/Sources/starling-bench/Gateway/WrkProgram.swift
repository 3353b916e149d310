import Foundation

/// wrk, which loads an HTTP server from one thread with a request unanswered on each connection.
struct WrkProgram {
    let path: String

    /// What it found.
    struct Figures {
        var requestsPerSecond: Double
        /// Seconds.
        var p50: Double
        var p99: Double
    }

    /// Runs a script against a server. `script` is Lua; see wrk's own SCRIPTING.
    func run(_ address: String, script: String, connections: Int, seconds: Int, directory: String) throws -> Figures {
        let file = "\(directory)/load.lua"
        try Data(script.utf8).write(to: URL(fileURLWithPath: file))
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = [
            "--threads", "1", "--connections", "\(connections)", "--duration", "\(seconds)s", "--latency", "--script",
            file, "http://\(address)",
        ]
        process.standardOutput = output
        try ChildProcesses.shared.start(process)
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        ChildProcesses.shared.wait(process)
        guard process.terminationStatus == 0 else { throw ProgramError(text: "wrk: \(text)") }
        return try Self.figures(text)
    }

    private static func figures(_ text: String) throws -> Figures {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            if line.contains("Non-2xx") || line.contains("Socket errors") {
                throw ProgramError(text: "wrk: \(line.trimmingCharacters(in: .whitespaces))")
            }
            if words.count == 2 { values[words[0]] = words[1] }
        }
        guard let rate = values["Requests/sec:"].flatMap(Double.init), let p50 = values["50%"].flatMap(seconds),
            let p99 = values["99%"].flatMap(seconds)
        else { throw ProgramError(text: "wrk printed something else: \(text)") }
        return Figures(requestsPerSecond: rate, p50: p50, p99: p99)
    }

    /// As in 12.34us, 1.23ms, 1.02s.
    private static func seconds(_ text: String) -> Double? {
        for (unit, scale) in [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)] where text.hasSuffix(unit) {
            return Double(text.dropLast(unit.count)).map { $0 * scale }
        }
        return nil
    }
}
