import ArgumentParser
import StarlingServer

/// The command `starling`.
@main
struct Starling: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starling",
        abstract: "A fan-out engine for social feeds: log, timelines and gateway in one process.",
        version: Daemon.version,
        subcommands: [
            ServeCommand.self, ReplayCommand.self, LogCommand.self, VerifyCommand.self, DigestCommand.self,
            SalvageCommand.self, RestoreCommand.self, KeysCommand.self, CheckCommand.self,
        ])
}
