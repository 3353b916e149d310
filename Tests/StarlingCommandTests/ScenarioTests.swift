import Foundation
import StarlingTestSupport
import Testing

/// The scenario of `Tests/Scenario`, in Python over HTTP, on a small scale: every feed as defined, over kills of the process.
@Suite struct ScenarioTests {
    private static let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Scenario/run.py")

    @Test(.enabled(if: python != nil, "there is no python3"), arguments: ["off"])
    func everyFeedIsAsDefined(auth: String) async throws {
        let directory = try TemporaryDirectory()
        let ending = try await RunningCommand(
            program: URL(fileURLWithPath: try #require(Self.python)),
            [
                Self.script.path, "--starling", StarlingCommand.executable.path, "--seed", "7", "--users", "24",
                "--steps", "400", "--phases", "2", "--lanes", "6", "--auth", auth, "--directory", directory.path,
            ], environment: ["PYTHONDONTWRITEBYTECODE": "1"]
        ).ending()
        #expect(ending.code == 0, "\(ending.output)\(ending.errors)")
        #expect(ending.lines.last?.contains("2 kills") == true, "\(ending.output)")
    }
}
