import ArgumentParser
import Foundation

/// What every suite that writes a report can be told.
struct SuiteOptions: ParsableArguments {
    @Option(help: "The executable to measure.") var starling = "../.build/release/starling"
    @Option(help: "Runs of each side, in turn.") var runs = 3
    @Option(help: "Where the results go.") var output = "../bench-results"
    @Option(help: "Where data directories are made; removed afterwards.") var data = "bench-data"
    @Option(help: "What was built, when that is not the working directory's commit.") var revision: String?
    @Flag(help: "Small sizes, two runs: to see that it works, in less than a minute.") var quick = false

    func validate() throws {
        guard runs >= 1 else { throw ValidationError("--runs must be at least 1") }
    }

    var runCount: Int { quick ? min(runs, 2) : runs }

    /// The size, or the small one.
    func size(_ full: Int, quick small: Int) -> Int { quick ? min(full, small) : full }

    /// An empty report on this machine.
    func report(_ suite: String, _ title: String, configuration: [String]) -> Report {
        Report(
            suite: suite, title: title, machine: Machine.describe(revision: revision), isQuick: quick,
            configuration: configuration)
    }

    /// An empty directory of the name, made anew.
    func directory(_ name: String) throws -> String {
        let path = "\(data)/\(name)"
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }
}
