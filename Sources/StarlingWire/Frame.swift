import NIOCore
import StarlingSchema

/// One frame. Its parts are slices of the buffer that it was read from.
public struct Frame: Sendable {
    /// The header, as it was sent.
    public let header: FrameHeader
    /// The context in front of the payload, still encoded. Nil if the frame carries none.
    public let contextBytes: ByteBuffer?
    /// The payload without the context.
    public let payload: ByteBuffer

    /// The context, decoded. Nil if the frame carries none.
    public func context() throws(WireError) -> Starling_V1_RequestContext? {
        guard let contextBytes else { return nil }
        do {
            return try contextBytes.withUnsafeReadableBytes { bytes throws(MessageCodingError) in
                try MessageCoding.decode(Starling_V1_RequestContext.self, from: bytes.bytes)
            }
        } catch {
            throw .badContext(cause: error.description, correlation: header.correlation)
        }
    }
}
