/// Fixed limits of the format. A length field from the disk is compared with these before any memory is taken.
public enum LogLimits {
    /// Most bytes that the records of one batch may take before compression: 16 MiB.
    public static let batchBytes = 16 << 20
    /// Smallest segment that a configuration may ask for: 64 KiB.
    public static let smallestSegmentBytes: UInt64 = 64 << 10
    /// Highest lsn: Kafka's offsets are signed.
    public static let highestLSN = UInt64(Int64.max) - UInt64(UInt32.max)
    /// Highest timestamp, in milliseconds since 1970: Kafka's are signed.
    public static let highestTimestamp = UInt64(Int64.max)
    /// What one record takes at most besides its value and body: length, attributes, deltas, key, header name.
    public static let recordOverheadBytes = 64
    /// What one batch takes besides its records: the envelope and Kafka's batch header.
    public static let batchOverheadBytes = EnvelopeHeader.size + KafkaBatchHeader.size
    /// Distance in bytes between two entries of a segment's index.
    static let indexInterval: UInt64 = 4 << 10
    /// Largest body of an envelope.
    static let envelopeBodyBytes = batchBytes + KafkaBatchHeader.size
}
