import Foundation

/// Messages that are published to a JetStream stream of a nats-server, each with its acknowledgement.
struct NATSLoad: LoadDialect {
    /// The stream and its one subject.
    static let stream = "bench"
    private var texts = AppendTexts()

    /// Each connection has an inbox of its own; the slot is the last part of the subject that the answer comes to.
    private static func inbox(_ connection: Int) -> String { "_INBOX.c\(connection)" }

    func greeting(connection: Int) -> [UInt8] {
        Array("CONNECT {\"verbose\":false}\r\nSUB \(Self.inbox(connection)).* 1\r\nPING\r\n".utf8)
    }

    func greetingAnswer(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let answer = Array("PONG\r\n".utf8)
        return bytes.suffix(answer.count).elementsEqual(answer) ? bytes.count : nil
    }

    mutating func append(slot: Int, connection: Int, to bytes: inout RequestBytes) {
        bytes.append("PUB bench _INBOX.c")
        bytes.append(decimal: connection)
        bytes.append(UInt8(ascii: "."))
        bytes.append(decimal: slot)
        bytes.append(" 100\r\n")
        bytes.append(texts.next())
        bytes.append("\r\n")
    }

    /// `MSG SUBJECT 1 LENGTH`, and a JSON object of that length.
    func answer(_ bytes: UnsafeRawBufferPointer) throws -> LoadAnswer? {
        guard let lineEnd = bytes.firstIndex(of: 0x0d), lineEnd + 1 < bytes.count else { return nil }
        let line = bytes[..<lineEnd]
        guard line.starts(with: Array("MSG ".utf8)) else {
            throw ProgramError(text: "nats-server: \(String(decoding: line, as: UTF8.self))")
        }
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count == 4, let length = Self.number(words[3]), let dot = words[1].lastIndex(of: UInt8(ascii: ".")),
            let slot = Self.number(words[1][(dot + 1)...])
        else { throw ProgramError(text: "nats-server: \(String(decoding: line, as: UTF8.self))") }
        let end = lineEnd + 2 + length + 2
        guard bytes.count >= end else { return nil }
        let body = bytes[(lineEnd + 2)..<(end - 2)]
        // An error is an object as well; a success begins with the stream's name.
        guard body.starts(with: Array("{\"stream\"".utf8)) else {
            throw ProgramError(text: "nats-server: \(String(decoding: body, as: UTF8.self))")
        }
        return LoadAnswer(length: end, slot: slot)
    }

    private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
        digits.isEmpty ? nil : digits.reduce(0) { $0 &* 10 &+ Int($1 &- UInt8(ascii: "0")) }
    }
}

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
