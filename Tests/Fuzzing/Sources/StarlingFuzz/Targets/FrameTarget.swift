@testable import StarlingLog

/// LZ4 frames, as they stand in batches.
enum FrameTarget: FuzzTarget {
    static let name = "frame"
    static let maximumBytes = 2048
    private static let limit = 1 << 20

    static func run(_ input: UnsafeRawBufferPointer) {
        check(input)
        var sealed = Array(input)
        sealed.withUnsafeMutableBytes { BatchSealing.sealFrame($0) }
        sealed.withUnsafeBytes(check)
    }

    private static func check(_ frame: UnsafeRawBufferPointer) {
        let decompressor = FrameDecompressor()
        var expanded = GrowableBytes(capacity: 64)
        do {
            try decompressor.decompress(frame, into: &expanded, limit: limit)
        } catch {
            // A frame that was refused must not spoil the next one.
            expanded.removeAll()
            return checkRoundTrip(UnsafeRawBufferPointer(rebasing: frame[..<min(frame.count, 300)]), decompressor)
        }
        expect((1...limit).contains(expanded.count), "a frame of \(expanded.count) bytes passed the limit")
        checkRoundTrip(expanded.bytes, decompressor)
    }

    private static func checkRoundTrip(_ content: UnsafeRawBufferPointer, _ decompressor: FrameDecompressor) {
        var frame = GrowableBytes(capacity: 64)
        guard FrameCompressor().compress(content, into: &frame) != nil else { return }
        var again = GrowableBytes(capacity: 64)
        do {
            try decompressor.decompress(frame.bytes, into: &again, limit: limit)
        } catch {
            report("a frame of our own is refused: \(error.reason)")
        }
        expect(again.bytes.elementsEqual(content), "a frame of our own expands to something else")
    }

    static func seeds() throws -> [[UInt8]] {
        let contents: [[UInt8]] = [
            [UInt8](repeating: 7, count: 100), Array("one two three two one ".utf8) + Array("one two three".utf8),
            (0..<3000).map { UInt8(truncatingIfNeeded: $0 / 7) }, [UInt8](repeating: 0, count: 200_000),
        ]
        return contents.compactMap { content in
            var frame = GrowableBytes(capacity: 64)
            let length = content.withUnsafeBytes { FrameCompressor().compress($0, into: &frame) }
            return length == nil ? nil : Array(frame.bytes)
        }
    }
}
