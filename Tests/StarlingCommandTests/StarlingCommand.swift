import Foundation
import StarlingTestSupport
import Synchronization

/// The built program, run as somebody at a terminal would.
enum StarlingCommand {
    /// It is built beside the tests.
    static let executable: URL = {
        let tests =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("starling")
    }()

    /// Runs it to its end.
    static func run(_ arguments: String..., environment: [String: String] = [:]) async throws -> Ending {
        try await RunningCommand(arguments, environment: environment).ending()
    }
}

/// How a process ended, and what it said.
struct Ending: Sendable {
    /// The exit code; nil when a signal ended it.
    var code: Int32?
    var output: String
    var errors: String

    /// The last line on standard error.
    var lastError: String { errors.split(separator: "\n").last.map(String.init) ?? "" }

    /// The output as JSON; `null` when it is none.
    var json: JSONValue { (try? JSONValue(parsing: Array(output.utf8))) ?? .null }

    /// The output's lines.
    var lines: [Substring] { output.split(separator: "\n") }
}

/// A process that may still run. It is killed when nobody holds this value any more.
final class RunningCommand: Sendable {
    /// The process ended, or said nothing for half a minute, where something was waited for.
    struct Unexpected: Error {
        var awaited: String
        var ending: Ending?
    }

    private let process: Process
    private let directory: TemporaryDirectory
    private let ended = Mutex(State())

    private struct State {
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// `program` is the built program when not given.
    init(
        program: URL = StarlingCommand.executable, _ arguments: [String], environment: [String: String] = [:]
    ) throws {
        directory = try TemporaryDirectory()
        process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.file(directory.path + "/output")
        process.standardError = try Self.file(directory.path + "/errors")
        process.terminationHandler = { [weak self] _ in
            self?.ended.withLock { state in
                state.hasEnded = true
                for waiter in state.waiting { waiter.resume() }
                state.waiting = []
            }
        }
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    private static func file(_ path: String) throws -> FileHandle {
        try Data().write(to: URL(fileURLWithPath: path))
        return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }

    var processID: Int32 { process.processIdentifier }

    /// What it has said so far on standard output.
    var output: String { text("output") }

    /// What it has said so far on standard error.
    var errors: String { text("errors") }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: "\(directory.path)/\(name)") ?? Data(), as: UTF8.self)
    }

    /// How often it has called the system to write, to whatever file; 0 when it has ended.
    var writeCalls: Int {
        let counters = try? String(contentsOfFile: "/proc/\(processID)/io", encoding: .utf8)
        return counters?.firstMatch(of: #/syscw: (\d+)/#).flatMap { Int($0.1) } ?? 0
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for the end.
    func ending() async -> Ending {
        await withCheckedContinuation { continuation in
            let isOver = ended.withLock { state in
                if !state.hasEnded { state.waiting.append(continuation) }
                return state.hasEnded
            }
            if isOver { continuation.resume() }
        }
        let code = process.terminationReason == .exit ? process.terminationStatus : nil
        return Ending(code: code, output: output, errors: errors)
    }

    /// Waits until `condition` holds, while the process runs, at most half a minute.
    func waits(for awaited: String, until condition: () throws -> Bool) async throws {
        for _ in 0..<3_000 {
            if try condition() { return }
            if ended.withLock({ $0.hasEnded }) {
                if try condition() { return }
                throw Unexpected(awaited: awaited, ending: await ending())
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Unexpected(awaited: awaited)
    }
}
