import ArgumentParser
import Foundation

/// Runs every suite, and writes an index of what they found.
struct AllCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all",
        abstract: "Run every suite, and write an index of the results.",
        discussion: """
            At full size this takes some hours, 24 GB of memory and 20 GB of disk. A suite that fails is named, and the others go on.

            Example: starling-bench all --quick
            """)

    @OptionGroup var options: SuiteOptions
    @Option(help: "Only these suites, separated by commas.") var only: String?
    @Option(help: "Edges for the activity suite, as `starling replay` takes them.") var follows: String?
    @Option(help: "Posts for the activity suite, as `starling replay` takes them.") var posts: String?

    /// Suites in the order in which they run, and whether they write a `Report`.
    private static let suites: [(command: any ParsableCommand.Type, hasReport: Bool)] = [
        (FanOutCommand.self, true), (WorkersCommand.self, true), (BatchCommand.self, true), (ReadCommand.self, true),
        (GiantCommand.self, true), (LikesCommand.self, true), (MemoryCommand.self, true), (LogCommand.self, true),
        (GatewayCommand.self, true),
        (ActivityCommand.self, false),
        (RestartCommand.self, false), (SnapshotCommand.self, false),
    ]

    private static func name(_ command: any ParsableCommand.Type) -> String { command.configuration.commandName ?? "" }

    func validate() throws {
        let known = Set(Self.suites.map { Self.name($0.command) })
        for name in only?.split(separator: ",").map(String.init) ?? [] where !known.contains(name) {
            throw ValidationError("there is no suite \(name)")
        }
        guard (follows == nil) == (posts == nil) else { throw ValidationError("--follows and --posts go together") }
    }

    func run() throws {
        let wanted = only.map { Set($0.split(separator: ",").map(String.init)) }
        let machine = Machine.describe(revision: options.revision)
        var index = ["# Results\(options.quick ? " of a quick run" : "")", "", machine.line, ""]
        var failures: [String] = []
        for (command, hasReport) in Self.suites {
            let name = Self.name(command)
            guard wanted?.contains(name) ?? true else { continue }
            Progress.note("== \(name)")
            let begin = monotonicSeconds()
            let started = Date().ISO8601Format().prefix(10)
            do {
                var suite = try command.parseAsRoot(arguments(name))
                try suite.run()
            } catch {
                failures.append("\(name): \(error)")
                Progress.note("\(name) failed: \(error)")
                index += ["", "## \(name)", "", "Failed: \(error)"]
                continue
            }
            // A run over midnight is of the day on which it began: results carry the day on which they were begun.
            let file = "\(started)-\(name)\(options.quick ? "-quick" : "")"
            let minutes = String(format: "%.1f", (monotonicSeconds() - begin) / 60)
            index += [
                "", "## \(name)", "",
                "[\(file).md](\(file).md), [every run](\(file).json); it took \(minutes) minutes.", "",
            ]
            if hasReport { index += bars(file) }
        }
        let path = "\(options.output)/\(machine.date.prefix(10))-index\(options.quick ? "-quick" : "").md"
        try Data((index.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
        print("\nindex: \(path)")
        guard failures.isEmpty else { throw ProgramError(text: failures.joined(separator: "; ")) }
    }

    private func arguments(_ suite: String) -> [String] {
        var arguments = ["--starling", options.starling, "--runs", "\(options.runs)", "--output", options.output]
        if suite != "activity" {
            arguments += ["--data", options.data] + (options.revision.map { ["--revision", $0] } ?? [])
        } else if let follows, let posts {
            arguments += ["--follows", follows, "--posts", posts]
        }
        return arguments + (options.quick ? ["--quick"] : [])
    }

    /// The table of a report's bars, and its first picture.
    private func bars(_ file: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: "\(options.output)/\(file).json"),
            let report = try? JSONDecoder().decode(Report.self, from: data)
        else { return [] }
        let picture = report.plots.prefix(1).map { "![\(report.title)](\($0))" }
        guard !report.bars.isEmpty else { return picture }
        return picture + [""] + Report.barsHead + report.bars.map(\.line)
    }
}
