import Foundation
import StarlingTestSupport

/// `starling serve` on free ports, ready.
struct ServingCommand: Sendable {
    let command: RunningCommand
    /// The line that says so.
    let ready: String
    let http: Int
    let tcp: Int
    let admin: Int

    /// Small tables, so that many can run on a small machine.
    static func arguments(_ data: String, _ more: [String] = []) -> [String] {
        [
            "serve", "--data", data, "--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--admin", "127.0.0.1:0",
            "--workers", "2", "--set", "memory.hugePages=false", "--set", "log.segmentBytes=262144",
        ] + more
    }

    static func start(_ data: String, _ more: String..., environment: [String: String] = [:]) async throws
        -> ServingCommand
    {
        try await start(command: RunningCommand(arguments(data, more), environment: environment))
    }

    static func start(command: RunningCommand) async throws -> ServingCommand {
        try await command.waits(for: "the ready line") { command.output.contains("\n") }
        let line = String(command.output.prefix { $0 != "\n" })
        func port(_ name: String) -> Int {
            let field = line.split(separator: " ").first { $0.hasPrefix("\(name)=127.0.0.1:") }
            return field.flatMap { Int($0.dropFirst("\(name)=127.0.0.1:".count)) } ?? 0
        }
        return ServingCommand(command: command, ready: line, http: port("http"), tcp: port("tcp"), admin: port("admin"))
    }

    func http(_ method: String, _ target: String, _ fields: [String: String] = [:], json: String? = nil) async throws
        -> HTTPAnswer
    {
        try await HTTPConnection(port: http).request(method, target, fields, body: json.map { Array($0.utf8) })
    }

    func admin(_ target: String) async throws -> HTTPAnswer {
        try await HTTPConnection(port: admin).request("GET", target)
    }

    /// Asks it to end, and waits.
    func terminate() async -> Ending {
        command.send(SIGTERM)
        return await command.ending()
    }

    /// Ends it as a crash would, and waits.
    func crash() async -> Ending {
        command.send(SIGKILL)
        return await command.ending()
    }
}
