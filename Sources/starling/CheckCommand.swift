import ArgumentParser

/// `starling check`: try to break the promises, on this machine.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Try to break what the durability contract promises, and print the evidence.",
        subcommands: [CheckSimulateCommand.self, CheckCrashCommand.self])
}
