import NIOCore
import StarlingSchema

/// Appends frames to a buffer. The payload is written in its place; the length is filled in afterwards.
public struct FrameEncoder: Sendable {
    /// The limits that frames have to keep.
    public let limits: WireLimits

    /// An encoder with these limits.
    public init(limits: WireLimits = WireLimits()) {
        self.limits = limits
    }

    /// Appends a request.
    ///
    /// - Parameters:
    ///   - context: what accompanies the request. Nil for nothing.
    ///   - writePayload: appends the payload.
    /// - Throws: `frameTooLarge` or `contextTooLong`. Nothing is appended then.
    public func writeRequest(
        opcode: UInt16, correlation: UInt64, context: Starling_V1_RequestContext? = nil, into buffer: inout ByteBuffer,
        writePayload: (inout ByteBuffer) -> Void
    ) throws(WireError) {
        guard let context else {
            try write(opcode: opcode, flags: [], correlation: correlation, into: &buffer, writePayload)
            return
        }
        let contextBytes = MessageCoding.encode(context)
        guard contextBytes.count <= WireLimits.maxContextBytes else {
            throw .contextTooLong(
                declared: contextBytes.count, limit: WireLimits.maxContextBytes, correlation: correlation)
        }
        try write(opcode: opcode, flags: .context, correlation: correlation, into: &buffer) { buffer in
            buffer.writeInteger(UInt16(contextBytes.count), endianness: .little)
            buffer.writeBytes(contextBytes)
            writePayload(&buffer)
        }
    }

    /// Appends the answer to a request. `flags` are `problem`, `replayed` or none.
    ///
    /// - Throws: `frameTooLarge`. Nothing is appended then.
    public func writeAnswer(
        opcode: UInt16, correlation: UInt64, flags: FrameFlags = [], into buffer: inout ByteBuffer,
        writePayload: (inout ByteBuffer) -> Void
    ) throws(WireError) {
        precondition(flags.isSubset(of: [.problem, .replayed]), "Other flags do not belong to answers.")
        try write(opcode: opcode, flags: flags, correlation: correlation, into: &buffer, writePayload)
    }

    /// Appends the answer that a request failed. The text and the list of errors are cut if they do not fit.
    public func writeProblem(
        _ problem: Starling_V1_Problem, opcode: UInt16, correlation: UInt64, into buffer: inout ByteBuffer
    ) {
        var bytes = MessageCoding.encode(problem)
        if bytes.count > limits.maxPayloadBytes {
            var short = problem
            short.errors = []
            short.detail = String(String.UnicodeScalarView(short.detail.unicodeScalars.prefix(256)))
            bytes = MessageCoding.encode(short)
        }
        do {
            try writeAnswer(opcode: opcode, correlation: correlation, flags: .problem, into: &buffer) {
                $0.writeBytes(bytes)
            }
        } catch {
            preconditionFailure("A problem without its errors is shorter than the least limit: \(error)")
        }
    }

    private func write(
        opcode: UInt16, flags: FrameFlags, correlation: UInt64, into buffer: inout ByteBuffer,
        _ writePayload: (inout ByteBuffer) -> Void
    ) throws(WireError) {
        let start = buffer.writerIndex
        FrameHeader(payloadLength: 0, opcode: opcode, flags: flags, correlation: correlation).write(into: &buffer)
        writePayload(&buffer)
        let length = buffer.writerIndex - start - FrameHeader.byteCount
        guard length <= limits.maxPayloadBytes else {
            buffer.moveWriterIndex(to: start)
            throw .frameTooLarge(declared: length, limit: limits.maxPayloadBytes, correlation: correlation)
        }
        buffer.setInteger(UInt32(length), at: start, endianness: .little)
    }
}
