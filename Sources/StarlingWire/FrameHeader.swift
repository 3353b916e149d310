import NIOCore

/// The flags of a frame.
public struct FrameFlags: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt16

    /// Flags with these bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A request: the payload begins with the length of a context, and the context.
    public static let context = FrameFlags(rawValue: 1)
    /// An answer: the payload is a `Problem`.
    public static let problem = FrameFlags(rawValue: 2)
    /// An answer: the operation was done before; this is its first answer again.
    public static let replayed = FrameFlags(rawValue: 4)

    /// The flags that have a meaning. Bit 8 is kept for requests without an answer and for the end of a stream.
    public static let defined: FrameFlags = [.context, .problem, .replayed]
}

/// The opcodes that belong to the protocol itself. Those of operations begin at 16.
public enum ProtocolOpcode {
    /// The payload comes back as it is.
    public static let ping: UInt16 = 1
    /// The sender will close the connection. From a server, the payload is a `Problem` that says why.
    public static let goAway: UInt16 = 2
}

/// The first 16 bytes of a frame.
public struct FrameHeader: Sendable, Hashable {
    /// Bytes that follow the header.
    public var payloadLength: UInt32
    /// The operation. An answer has the opcode of its request.
    public var opcode: UInt16
    /// What the payload is.
    public var flags: FrameFlags
    /// Chosen by the client. The answer has the same.
    public var correlation: UInt64

    /// The size of every header.
    public static let byteCount = 16

    /// A header.
    public init(payloadLength: UInt32, opcode: UInt16, flags: FrameFlags, correlation: UInt64) {
        self.payloadLength = payloadLength
        self.opcode = opcode
        self.flags = flags
        self.correlation = correlation
    }

    /// Reads a header without taking it. Nil if it is not all there yet.
    static func peek(in buffer: ByteBuffer) -> FrameHeader? {
        buffer.getMultipleIntegers(
            at: buffer.readerIndex, endianness: .little, as: (UInt32, UInt16, UInt16, UInt64).self
        ).map { length, opcode, flags, correlation in
            FrameHeader(
                payloadLength: length, opcode: opcode, flags: FrameFlags(rawValue: flags), correlation: correlation)
        }
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(payloadLength, opcode, flags.rawValue, correlation, endianness: .little)
    }
}
