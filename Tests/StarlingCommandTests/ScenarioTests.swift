import Foundation
import StarlingTestSupport
import Testing

/// The interpreter on this machine; nil without one.
private let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first {
    FileManager.default.isExecutableFile(atPath: $0)
}

/// The scenario of `Tests/Scenario`, in Python over HTTP, on a small scale: every feed as defined, over kills of the process.
@Suite struct ScenarioTests {
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Scenario/run.py").path

    /// What must be there: the scenario leaves out what the daemon does not offer.
    private static let parts = "relations,edits,reactions,comments,notifications,accounts"

    @Test(.enabled(if: python != nil, "there is no python3"), arguments: ["off", "on"])
    func everyFeedIsAsDefined(auth: String) async throws {
        let directory = try TemporaryDirectory()
        let scenario = try RunningCommand(
            program: URL(fileURLWithPath: try #require(python)),
            [
                Self.script, "--starling", StarlingCommand.executable.path, "--seed", "7", "--users", "20",
                "--steps", "300", "--phases", "2", "--lanes", "6", "--auth", auth, "--require", Self.parts,
                "--directory", directory.path,
            ])
        let ending = await scenario.ending()
        #expect(ending.code == 0, "\(ending.output)\(ending.errors)")
        #expect(ending.lines.last?.contains("2 kills") == true, "\(ending.output)")
    }
}
