import NIOCore

/// The first bytes of both directions, and the versions of the protocol.
public enum PrefaceMagic {
    /// FB, then "STL". FB cannot begin a text, so that other protocols are told apart by one byte.
    public static let bytes: [UInt8] = [0xfb, 0x53, 0x54, 0x4c]

    /// The versions that this library speaks.
    public static let versions: ClosedRange<UInt8> = 1...1

    /// Checks as many of the first bytes as are there, so that a stranger is refused at the first wrong byte.
    static func check(_ buffer: ByteBuffer) throws(WireError) {
        for (offset, expected) in bytes.enumerated() {
            guard let byte = buffer.getInteger(at: buffer.readerIndex + offset, as: UInt8.self) else { return }
            guard byte == expected else { throw .badPreface(offset: offset, byte: byte) }
        }
    }
}
