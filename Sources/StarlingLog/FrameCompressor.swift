import CLZ4

/// Compresses into LZ4 frames with one context that is reused. Owned by one thread.
///
/// Frames have independent blocks of 64 KiB, which Kafka's clients require, and carry the content size. There is no
/// checksum inside: Kafka's CRC-32C covers the frame.
final class FrameCompressor {
    private var context: OpaquePointer?

    init() {
        let code = LZ4F_createCompressionContext(&context, UInt32(LZ4F_VERSION))
        precondition(LZ4F_isError(code) == 0, "no memory for an LZ4 compression context")
    }

    deinit { LZ4F_freeCompressionContext(context) }

    /// Appends the frame of `source` to `output` and returns its length, or appends nothing and returns nil when the
    /// frame would not be smaller than `source`.
    func compress(_ source: UnsafeRawBufferPointer, into output: inout GrowableBytes) -> Int? {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.frameInfo.contentSize = UInt64(source.count)
        preferences.autoFlush = 1
        var options = LZ4F_compressOptions_t()
        options.stableSrc = 1
        let bound = Int(LZ4F_HEADER_SIZE_MAX) + LZ4F_compressBound(source.count, &preferences)
        output.reserve(bound)
        let start = output.end
        var written = LZ4F_compressBegin(context, start, bound, &preferences)
        guard LZ4F_isError(written) == 0 else { return nil }
        let body = LZ4F_compressUpdate(
            context, start + written, bound - written, source.baseAddress, source.count, &options)
        guard LZ4F_isError(body) == 0 else { return nil }
        written += body
        let footer = LZ4F_compressEnd(context, start + written, bound - written, &options)
        guard LZ4F_isError(footer) == 0 else { return nil }
        written += footer
        guard written < source.count else { return nil }
        output.advance(written)
        return written
    }
}
