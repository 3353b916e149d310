import NIOCore

/// Takes frames from the front of a buffer, without copying.
///
/// It keeps no state: what is left of a frame stays in the buffer until the rest arrives. The length that a frame
/// declares is checked before anything is done with it, so a buffer never has to hold more than one whole frame and
/// what came with it.
public struct FrameDecoder: Sendable {
    /// The limits that frames have to keep.
    public let limits: WireLimits

    /// A decoder with these limits.
    public init(limits: WireLimits = WireLimits()) {
        self.limits = limits
    }

    /// Takes the next frame from `buffer`. Nil, and nothing taken, if it is not all there yet.
    ///
    /// Call it until it answers nil. After an error the rest of the buffer means nothing: close the connection.
    public func next(from buffer: inout ByteBuffer) throws(WireError) -> Frame? {
        guard let header = FrameHeader.peek(in: buffer) else { return nil }
        guard header.payloadLength <= UInt32(limits.maxPayloadBytes) else {
            throw .frameTooLarge(
                declared: Int(header.payloadLength), limit: limits.maxPayloadBytes, correlation: header.correlation)
        }
        guard header.flags.isSubset(of: .defined) else {
            throw .unknownFlags(header.flags.rawValue, correlation: header.correlation)
        }
        let payloadStart = buffer.readerIndex + FrameHeader.byteCount
        guard var payload = buffer.getSlice(at: payloadStart, length: Int(header.payloadLength)) else { return nil }
        let contextBytes = header.flags.contains(.context) ? try takeContext(from: &payload, header) : nil
        buffer.moveReaderIndex(forwardBy: FrameHeader.byteCount + Int(header.payloadLength))
        return Frame(header: header, contextBytes: contextBytes, payload: payload)
    }

    /// How many bytes the first frame of `buffer` still needs: of its header, if that is not all there. 0 if the frame
    /// can be taken. Never more than the limits allow.
    public func missingBytes(in buffer: ByteBuffer) -> Int {
        guard let header = FrameHeader.peek(in: buffer) else { return FrameHeader.byteCount - buffer.readableBytes }
        let payloadLength = min(Int(header.payloadLength), limits.maxPayloadBytes)
        return max(0, FrameHeader.byteCount + payloadLength - buffer.readableBytes)
    }

    private func takeContext(
        from payload: inout ByteBuffer, _ header: FrameHeader
    ) throws(WireError) -> ByteBuffer {
        let payloadLength = payload.readableBytes
        guard let length = payload.readInteger(endianness: .little, as: UInt16.self) else {
            throw .contextMissing(payloadLength: payloadLength, correlation: header.correlation)
        }
        let limit = min(WireLimits.maxContextBytes, payload.readableBytes)
        guard length <= limit, let context = payload.readSlice(length: Int(length)) else {
            throw .contextTooLong(declared: Int(length), limit: limit, correlation: header.correlation)
        }
        return context
    }
}
