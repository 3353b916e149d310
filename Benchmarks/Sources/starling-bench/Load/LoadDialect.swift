/// What goes over a connection, and how a whole answer is known.
protocol LoadDialect {
    /// What a connection, by its number, sends before the first request; all of the answer to it is read before the load
    /// begins.
    func greeting(connection: Int) -> [UInt8]
    /// The length of the answer to the greeting at the front of `bytes`; nil when it is not all there.
    func greetingAnswer(_ bytes: UnsafeRawBufferPointer) throws -> Int?
    /// Appends a request. `slot` tells the requests of a connection apart that are unanswered.
    mutating func append(slot: Int, connection: Int, to bytes: inout RequestBytes)
    /// The answer at the front of `bytes`; nil when it is not all there. Throws when it says that the request failed.
    mutating func answer(_ bytes: UnsafeRawBufferPointer) throws -> LoadAnswer?
}

/// A whole answer.
struct LoadAnswer {
    var length: Int
    /// The slot of its request; nil when answers come in the order of the requests.
    var slot: Int?
}

/// Commands of Redis; a request may be several of them in one go.
struct RESPLoad: LoadDialect {
    let commandsPerRequest: Int
    let appendRequest: (inout RequestBytes) -> Void
    /// Gets the bytes of all answers to a request.
    var inspect: ((UnsafeRawBufferPointer) -> Void)?

    func greeting(connection: Int) -> [UInt8] { [] }
    func greetingAnswer(_ bytes: UnsafeRawBufferPointer) -> Int? { 0 }

    mutating func append(slot: Int, connection: Int, to bytes: inout RequestBytes) { appendRequest(&bytes) }

    mutating func answer(_ bytes: UnsafeRawBufferPointer) throws -> LoadAnswer? {
        var place = 0
        for _ in 0..<commandsPerRequest {
            guard let next = try RESPScanner.end(of: bytes, from: place) else { return nil }
            place = next
        }
        inspect?(UnsafeRawBufferPointer(rebasing: bytes[..<place]))
        return LoadAnswer(length: place, slot: nil)
    }
}

/// Frames of Starling's TCP protocol (docs/protocol.md), written as bytes: a client library would be a part of what is
/// measured.
struct FrameLoad: LoadDialect {
    let opcode: UInt16
    /// Appends the payload.
    let appendPayload: (inout RequestBytes) -> Void
    private var payload = PayloadBox()

    /// The payload's length stands before it, so it is put together beside the frame.
    private final class PayloadBox {
        var bytes = RequestBytes()
    }

    init(opcode: UInt16, appendPayload: @escaping (inout RequestBytes) -> Void) {
        self.opcode = opcode
        self.appendPayload = appendPayload
    }

    private static let headerBytes = 16
    private static let problemFlag: UInt16 = 2
    /// Magic, versions 1 to 1, no flags, no token.
    private static let preface: [UInt8] = [0xfb, 0x53, 0x54, 0x4c, 1, 1, 0, 0, 0, 0]
    private static let serverPrefaceBytes = 14

    func greeting(connection: Int) -> [UInt8] { Self.preface }

    func greetingAnswer(_ bytes: UnsafeRawBufferPointer) throws -> Int? {
        guard bytes.count >= Self.serverPrefaceBytes else { return nil }
        guard bytes[5] == 0 else { throw ProgramError(text: "starling refused the connection: status \(bytes[5])") }
        let length = Self.serverPrefaceBytes + Int(bytes.loadUnaligned(fromByteOffset: 12, as: UInt16.self))
        return bytes.count >= length ? length : nil
    }

    mutating func append(slot: Int, connection: Int, to bytes: inout RequestBytes) {
        appendPayload(&payload.bytes)
        let count = payload.bytes.unsent.count
        bytes.append(littleEndian: UInt32(count))
        bytes.append(littleEndian: opcode)
        bytes.append(littleEndian: UInt16(0))
        bytes.append(littleEndian: UInt64(slot))
        bytes.append(payload.bytes.unsent)
        payload.bytes.remove(count)
    }

    mutating func answer(_ bytes: UnsafeRawBufferPointer) throws -> LoadAnswer? {
        guard bytes.count >= Self.headerBytes else { return nil }
        let length = Self.headerBytes + Int(bytes.loadUnaligned(as: UInt32.self))
        guard bytes.count >= length else { return nil }
        let flags = bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self)
        guard flags & Self.problemFlag == 0 else {
            let text = String(decoding: bytes[Self.headerBytes..<length], as: UTF8.self)
            throw ProgramError(text: "starling answered with a problem: \(text)")
        }
        let slot = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        return LoadAnswer(length: length, slot: Int(truncatingIfNeeded: slot))
    }
}
