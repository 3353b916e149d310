import CLZ4

/// Expands LZ4 frames with one context that is reused. Owned by one thread at a time.
///
/// The declared size is compared with the limit before memory is taken, and the expansion stops at the declared size, so
/// that a forged frame can neither reserve nor fill more than the limit.
final class FrameDecompressor {
    private var context: OpaquePointer?

    init() {
        let code = LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        precondition(LZ4F_isError(code) == 0, "no memory for an LZ4 decompression context")
    }

    deinit { LZ4F_freeDecompressionContext(context) }

    /// Replaces the content of `output` by the content of `frame`, which must be exactly one frame with a content size of
    /// at most `limit`.
    func decompress(
        _ frame: UnsafeRawBufferPointer, into output: inout GrowableBytes, limit: Int
    ) throws(BatchFormatError) {
        output.removeAll()
        guard let source = frame.baseAddress else { throw BatchFormatError("the LZ4 frame is empty") }
        LZ4F_resetDecompressionContext(context)
        var information = LZ4F_frameInfo_t()
        var consumed = frame.count
        let code = LZ4F_getFrameInfo(context, &information, source, &consumed)
        guard LZ4F_isError(code) == 0 else { throw BatchFormatError("the LZ4 frame header is invalid") }
        guard let size = Int(exactly: information.contentSize), size > 0, size <= limit else {
            throw BatchFormatError("the LZ4 frame declares no content size or one above \(limit) bytes")
        }
        output.reserve(size)
        while true {
            var sourceLength = frame.count - consumed
            var room = size - output.count
            let hint = LZ4F_decompress(context, output.end, &room, source + consumed, &sourceLength, nil)
            guard LZ4F_isError(hint) == 0 else { throw BatchFormatError("the LZ4 frame is invalid") }
            output.advance(room)
            consumed += sourceLength
            if hint == 0 { break }
            guard sourceLength > 0 || room > 0 else {
                throw BatchFormatError("the LZ4 frame is cut short or longer than it declares")
            }
        }
        guard output.count == size, consumed == frame.count else {
            throw BatchFormatError("the LZ4 frame's size differs from what it declares")
        }
    }
}
