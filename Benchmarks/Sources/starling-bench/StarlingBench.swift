import ArgumentParser

/// The command `starling-bench`: measures a built `starling`, writes what it found to `bench-results/`.
@main
struct StarlingBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starling-bench",
        abstract: "Measure Starling.",
        discussion: "Build it first: swift build -c release --product starling, in the package above this one.",
        subcommands: [
            AllCommand.self, FanOutCommand.self, WorkersCommand.self, BatchCommand.self, ReadCommand.self,
            GiantCommand.self, LikesCommand.self,
            MemoryCommand.self, LogCommand.self, GatewayCommand.self, ActivityCommand.self,
            RestartCommand.self, SnapshotCommand.self,
        ])
}
