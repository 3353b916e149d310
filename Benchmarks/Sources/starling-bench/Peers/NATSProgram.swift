import Foundation

/// The nats-server that is measured beside Starling's log.
struct NATSProgram {
    let path: String

    var configuration: String {
        "nats-server: JetStream with file storage, default sync (every two minutes, so not durable);"
            + " `--addr 127.0.0.1 --jetstream`"
    }

    /// Starts a server with a stream, on loopback.
    func start(directory: String) throws -> (process: Process, port: Int) {
        let port = try LoopbackSocket.freePort()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = [
            "--addr", "127.0.0.1", "--port", "\(port)", "--jetstream", "--store_dir", directory, "--log",
            directory + "/nats.log",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try ChildProcesses.shared.start(process)
        do {
            try makeStream(process, port)
        } catch {
            Self.stop(process)
            throw error
        }
        return (process, port)
    }

    static func stop(_ process: Process) {
        process.terminate()
        ChildProcesses.shared.wait(process)
    }

    private func makeStream(_ process: Process, _ port: Int) throws {
        let settings =
            "{\"name\":\"\(NATSLoad.stream)\",\"subjects\":[\"\(NATSLoad.stream)\"],\"storage\":\"file\","
            + "\"retention\":\"limits\",\"discard\":\"old\",\"max_msgs\":-1,\"max_bytes\":-1,\"num_replicas\":1}"
        var socket = LoopbackSocket(port: port)
        while socket == nil {
            guard process.isRunning else { throw ProgramError(text: "nats-server ended at once") }
            usleep(10_000)
            socket = LoopbackSocket(port: port)
        }
        guard let socket else { return }
        let request =
            "CONNECT {\"verbose\":false}\r\nSUB _INBOX.make 1\r\nPUB $JS.API.STREAM.CREATE.\(NATSLoad.stream) _INBOX.make"
            + " \(settings.utf8.count)\r\n\(settings)\r\n"
        try socket.send(Array(request.utf8))
        while true {
            let line = String(decoding: try socket.line(), as: UTF8.self)
            guard line.hasPrefix("MSG ") else { continue }
            let answer = String(decoding: try socket.line(), as: UTF8.self)
            guard !answer.contains("\"error\"") else { throw ProgramError(text: "nats-server: \(answer)") }
            return
        }
    }
}
