import Foundation

/// The executable that is measured.
struct StarlingProgram {
    let path: String

    /// Runs a command to its end and returns what it printed.
    func run(_ arguments: [String]) throws -> Data {
        let output = Pipe()
        let process = makeProcess(arguments, output: output)
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ProgramError(
                text: "starling \(arguments.joined(separator: " ")) ended with \(process.terminationStatus)")
        }
        return data
    }

    /// Starts a daemon on free loopback ports, and waits until it is ready.
    func serve(data: String, workers: Int) throws -> RunningDaemon {
        let output = Pipe()
        let process = makeProcess(
            [
                "serve", "--data", data, "--workers", "\(workers)", "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0",
                "--admin", "127.0.0.1:0", "--ack", "disk", "--set", "logging.level=error",
            ], output: output)
        try process.run()
        var line = ""
        while !line.hasSuffix("\n") {
            guard let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty else {
                throw ProgramError(text: "the daemon ended before it was ready")
            }
            line += String(decoding: byte, as: UTF8.self)
        }
        guard let word = line.split(separator: " ").first(where: { $0.hasPrefix("tcp=") }) else {
            throw ProgramError(text: "the daemon's first line is not its ready line: \(line)")
        }
        return RunningDaemon(process: process, tcp: String(word.dropFirst(4)))
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
    /// Where its TCP listener is.
    let tcp: String

    /// Ends it in good order.
    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}

/// A program that did not do what it should.
struct ProgramError: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
