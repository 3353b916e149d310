import StarlingSystem

@testable import StarlingLog

/// Envelope headers.
enum EnvelopeTarget: FuzzTarget {
    static let name = "envelope"
    static let maximumBytes = 600

    static func run(_ input: UnsafeRawBufferPointer) {
        check(input)
        guard input.count >= EnvelopeHeader.size else { return }
        var sealed = Array(input)
        sealed.withUnsafeMutableBytes { bytes in
            let length = Int(bytes.load(6, UInt16.self))
            guard length >= 16, length <= bytes.count else { return }
            bytes.store(bytes.checksum(0..<(length - 4)), at: length - 4)
        }
        sealed.withUnsafeBytes(check)
    }

    private static func check(_ bytes: UnsafeRawBufferPointer) {
        guard case .header(let header) = EnvelopeHeader.parse(bytes) else { return }
        expect(header.nextLSN > 0 && header.nextLSN >= header.baseLSN, "an lsn that no record can have")
        expect(header.totalLength <= UInt64(LogLimits.envelopeBodyBytes + EnvelopeHeader.size), "too long a body")
        let written = UnsafeMutableRawBufferPointer.allocate(byteCount: EnvelopeHeader.size, alignment: 8)
        defer { written.deallocate() }
        guard let start = written.baseAddress else { return }
        header.write(to: start)
        expect(written.elementsEqual(bytes[..<EnvelopeHeader.size]), "a header that was read is written differently")
    }

    static func seeds() throws -> [[UInt8]] {
        try SeedLog.images.flatMap { image in
            SeedLog.envelopes(image.segments.flatMap(\.bytes)).map(\.header)
        }
    }
}
