import Foundation
import StarlingTestSupport
import Testing

/// `starling check crash` as somebody would run it, on a small scale. Power cuts need root and take a while: they are run
/// by hand, and their figures are in docs/durability.md.
@Suite struct CrashCommandTests {
    /// The program is built beside the tests.
    private static let program: String = {
        let tests =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("starling").path
    }()

    private struct Run {
        var code: Int32
        var output: String
        var left: [String]
        var evidence: JSONValue

        func count(_ name: String) -> Int { Int(evidence[name]?.number ?? -1) }
    }

    /// Runs the command to its end, with its files in a directory of its own.
    private func run(_ arguments: String...) async throws -> Run {
        let directory = try TemporaryDirectory()
        let work = directory.path + "/work"
        let json = directory.path + "/evidence.json"
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["check", "crash", "--dir", work, "--json", json] + arguments
        let output = directory.path + "/output"
        try Data().write(to: URL(fileURLWithPath: output))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardError = FileHandle.nullDevice
        let ended = AsyncStream<Void> { continuation in process.terminationHandler = { _ in continuation.finish() } }
        try process.run()
        for await _ in ended {}
        let evidence = FileManager.default.contents(atPath: json).map { Array($0) } ?? Array("null".utf8)
        return Run(
            code: process.terminationStatus,
            output: String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self),
            left: try FileManager.default.contentsOfDirectory(atPath: work),
            evidence: try JSONValue(parsing: evidence))
    }

    @Test func killsAndFailingCallsLoseNothing() async throws {
        let run = try await run(
            "--kills", "8", "--faults", "4", "--power-cuts", "0", "--disk-full", "0", "--flips", "0")
        #expect(run.code == 0, "\(run.output)")
        #expect(run.output.contains("clean: no violation") && run.output.contains("rule of three"))
        let kills = run.count("killsAtRandom") + run.count("killsAtCall") + run.count("killsInRecovery")
        #expect(kills >= 8 && run.count("failures") == 4)
        #expect(run.count("lost") == 0 && run.count("duplicates") == 0)
        #expect(run.count("acknowledged") > 0 && run.count("feeds") > 0 && run.count("retried") > 0)
        #expect(run.left.isEmpty, "\(run.left)")
    }

    @Test func flippedBitsAreNeverSilent() async throws {
        let run = try await run(
            "--flips", "100", "--kills", "0", "--faults", "0", "--power-cuts", "0", "--disk-full", "0")
        #expect(run.code == 0, "\(run.output)")
        #expect(run.count("flips") == 400 && run.count("cuts") >= 400)
        let outcomes = ["flipsSame", "flipsRefused", "flipsLatent", "flipsTorn", "flipsShortened"]
        let judged = outcomes.reduce(0) { $0 + run.count($1) }
        #expect(judged == run.count("flips") + run.count("cuts"))
        #expect(run.count("flipsRefused") > 0)
        #expect(run.left.isEmpty, "\(run.left)")
    }

    /// The check must be able to fail: here, with a program that is no daemon at all.
    @Test func aProgramThatDoesNotServeIsAViolation() async throws {
        let run = try await run(
            "--program", "/bin/false", "--kills", "1", "--faults", "0", "--power-cuts", "0", "--disk-full", "0",
            "--flips", "0")
        #expect(run.code == 1 && run.output.contains("VIOLATION"))
        #expect(run.output.contains("--seed 1 --kills"), "it says how to repeat it: \(run.output)")
        #expect(run.left.count == 1, "the data directory is kept")
    }

    @Test(arguments: [
        ["--kills", "-1"], ["--flips", "some"], ["--break", "everything"], ["--file-system", "fat"], ["--nonsense"],
    ])
    func badUsageIsRefused(arguments: [String]) async throws {
        let run = try await run(arguments[0], arguments.count > 1 ? arguments[1] : "")
        #expect(run.code == 64)
        #expect(run.left.isEmpty)
    }
}
