import SwiftProtobuf

extension Google_Protobuf_Timestamp {
    /// From milliseconds since 1970.
    package init(milliseconds: UInt64) {
        self.init(seconds: Int64(milliseconds / 1_000), nanos: Int32(milliseconds % 1_000) * 1_000_000)
    }

    /// Milliseconds since 1970, or nil when it lies before that or is out of range.
    package var milliseconds: UInt64? {
        guard seconds >= 0, seconds <= 253_402_300_799, (0..<1_000_000_000).contains(nanos) else { return nil }
        return UInt64(seconds) * 1_000 + UInt64(nanos) / 1_000_000
    }
}
