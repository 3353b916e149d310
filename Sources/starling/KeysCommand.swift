import ArgumentParser
import StarlingServer
import StarlingSystem

/// `starling keys`: the keys that sign access tokens.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Look after the keys that sign access tokens.",
        subcommands: [RotateKeysCommand.self])
}

/// `starling keys rotate`.
struct RotateKeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Sign access tokens with a new key from the next start on.",
        discussion: """
            Tokens that the key before has signed stay good until they expire, so nobody has to log in again. Stop the daemon \
            first; a running one is asked with POST /admin/keys/rotate. Prints the id of the new key.

            Exit codes: 0 done, 66 no log there, 73 a daemon uses the directory or a file cannot be written, 78 the file of \
            keys cannot be used.

            Example: starling keys rotate /var/lib/starling
            """)

    @Argument(help: "The data directory.") var directory: String

    mutating func run() async throws {
        let directory = directory
        let kid = try await Failure.guarding {
            try DataDirectory.require(directory)
            return try KeyRotation.rotate(directory: directory, disk: PosixDisk(), time: SystemTime())
        }
        StandardOutput.print("kid=\(kid)")
    }
}
