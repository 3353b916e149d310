/// Frames of Starling's TCP protocol (docs/protocol.md), written as bytes: a client library would be a part of what is
/// measured.
struct FrameLoad: LoadDialect {
    let opcode: UInt16
    /// Appends the payload.
    let appendPayload: (inout RequestBytes) -> Void
    private let payload = PayloadBox()

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
