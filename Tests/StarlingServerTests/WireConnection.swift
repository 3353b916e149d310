import NIOCore
import StarlingSchema
import StarlingTestSupport
import StarlingWire
import SwiftProtobuf

/// A TCP connection on which a test says any frame, in any number, and sees what comes back.
actor WireConnection {
    private let socket: StreamSocket
    private var unread = ByteBuffer()
    private let encoder = FrameEncoder(limits: WireLimits(maxPayloadBytes: WireLimits.greatestMaxPayloadBytes))
    private let decoder = FrameDecoder(limits: WireLimits(maxPayloadBytes: WireLimits.greatestMaxPayloadBytes))

    /// Connects without a preface.
    init(_ daemon: TestDaemon, receiveBufferBytes: Int32? = nil) throws {
        socket = try daemon.socket(receiveBufferBytes: receiveBufferBytes)
    }

    /// Connects and exchanges prefaces.
    static func open(_ daemon: TestDaemon, receiveBufferBytes: Int32? = nil) async throws -> WireConnection {
        let connection = try WireConnection(daemon, receiveBufferBytes: receiveBufferBytes)
        try await connection.send(preface)
        guard try await connection.preface()?.status == .ok else { throw UnexpectedEnd() }
        return connection
    }

    /// The server ended the connection where a frame was expected.
    struct UnexpectedEnd: Error {}

    /// Version 1, no token.
    static let preface: [UInt8] = [0xfb, 0x53, 0x54, 0x4c, 1, 1, 0, 0, 0, 0]

    func send(_ bytes: [UInt8]) async throws { try await socket.send(bytes) }

    func finishSending() { socket.finishSending() }

    /// The bytes of a request.
    nonisolated func frame(
        _ opcode: UInt16, _ payload: [UInt8] = [], correlation: UInt64 = 1,
        context: Starling_V1_RequestContext? = nil
    ) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try encoder.writeRequest(opcode: opcode, correlation: correlation, context: context, into: &buffer) {
            $0.writeBytes(payload)
        }
        return Array(buffer: buffer)
    }

    /// The server's preface; nil when the connection ends before.
    func preface() async throws -> ServerPreface? {
        while true {
            if let preface = try ServerPreface.decode(from: &unread) { return preface }
            guard try await receive() else { return nil }
        }
    }

    /// The next frame; nil when the connection ends before.
    func answer() async throws -> Frame? {
        while true {
            if let frame = try decoder.next(from: &unread) { return frame }
            guard try await receive() else { return nil }
        }
    }

    /// The next frame's problem.
    func problem() async throws -> Starling_V1_Problem? {
        guard let frame = try await answer(), frame.header.flags.contains(.problem) else { return nil }
        return try Starling_V1_Problem(serializedBytes: Array(buffer: frame.payload))
    }

    /// Whether the server has ended the connection after what was read. Waits for it.
    func isAtEnd() async throws -> Bool {
        let rest = try await socket.receiveToEnd()
        return unread.readableBytes == 0 && rest.isEmpty
    }

    private func receive() async throws -> Bool {
        do {
            let piece = try await socket.receive()
            unread.writeBytes(piece)
            return !piece.isEmpty
        } catch StreamSocket.Failure.reset {
            return false
        }
    }
}
