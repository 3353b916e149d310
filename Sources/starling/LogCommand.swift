import ArgumentParser

/// `starling log`: looking at a data directory's log without changing it.
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Look at a log without changing it.",
        subcommands: [LogDumpCommand.self, VerifyCommand.self])
}
