import Foundation
import Glibc

/// The executable that is measured.
struct StarlingProgram {
    let path: String

    /// Runs a command to its end and returns what it printed.
    func run(_ arguments: [String]) throws -> Data {
        let output = Pipe()
        let process = makeProcess(arguments, output: output)
        try ChildProcesses.shared.start(process)
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        ChildProcesses.shared.wait(process)
        guard process.terminationStatus == 0 else {
            throw ProgramError(
                text: "starling \(arguments.joined(separator: " ")) ended with \(process.terminationStatus)")
        }
        return data
    }

    /// Starts a daemon on free loopback ports, and waits until it is ready. `settings` are KEY=VALUE.
    func serve(data: String, workers: Int, settings: [String] = []) throws -> RunningDaemon {
        let output = Pipe()
        let process = makeProcess(
            [
                "serve", "--data", data, "--workers", "\(workers)", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0",
                "--admin", "127.0.0.1:0", "--ack", "disk",
            ] + (["logging.level=error"] + settings).flatMap { ["--set", $0] }, output: output)
        try ChildProcesses.shared.start(process)
        var line = ""
        while !line.hasSuffix("\n") {
            guard let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty else {
                throw ProgramError(
                    text: "the daemon ended before it was ready; if its log names the data's format, \(path) is of"
                        + " another commit than this harness")
            }
            line += String(decoding: byte, as: UTF8.self)
        }
        let words = line.split(whereSeparator: \.isWhitespace)
        func word(_ key: String) throws -> String {
            guard let word = words.first(where: { $0.hasPrefix(key + "=") }) else {
                throw ProgramError(text: "the daemon's first line is not its ready line: \(line)")
            }
            return String(word.dropFirst(key.count + 1))
        }
        return RunningDaemon(process: process, http: try word("http"), tcp: try word("tcp"), admin: try word("admin"))
    }

    private func makeProcess(_ arguments: [String], output: Pipe) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardOutput = output
        return process
    }
}

/// A daemon that was started for a measurement.
struct RunningDaemon {
    let process: Process
    /// Where its listeners are.
    let http: String
    let tcp: String
    let admin: String

    var identifier: Int32 { process.processIdentifier }

    /// The port of its TCP listener.
    var tcpPort: Int {
        get throws {
            guard let port = tcp.split(separator: ":").last.flatMap({ Int($0) }) else {
                throw ProgramError(text: "\(tcp) has no port")
            }
            return port
        }
    }

    /// Ends it in good order.
    func stop() {
        process.terminate()
        ChildProcesses.shared.wait(process)
    }

    /// Ends it as a crash would: SIGKILL.
    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        ChildProcesses.shared.wait(process)
    }

    /// Its metrics.
    func metrics() throws -> MetricsPage { MetricsPage(try HTTPConnection(admin).call("GET", "/metrics")) }

    /// The digest of its state.
    func digest() throws -> String {
        try HTTPConnection(admin).call("GET", "/admin/state-digest", as: DigestAnswer.self).digest
    }

    /// Waits until every worker has applied everything.
    func quiesce() throws { _ = try HTTPConnection(admin).call("GET", "/admin/quiesce") }
}

/// A program that did not do what it should.
struct ProgramError: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
