/// What opening a log found and did.
public struct RecoveryReport: Equatable, Sendable {
    /// A half-written end that was cut off. No acknowledged record was in it.
    public struct TornTail: Equatable, Sendable {
        /// File name of the segment.
        public var segment: String
        /// Where it was cut.
        public var offset: UInt64
        /// Bytes that were cut, zeros at their end not counted.
        public var length: UInt64
        /// The last lsn that was kept.
        public var lastLSN: UInt64
        /// What was wrong there.
        public var reason: String
        /// File name of the copy of what was cut.
        public var copy: String
    }

    /// The log's id.
    public var logID: UInt64
    /// How often the log has been opened for writing, this time included.
    public var incarnation: UInt64
    /// Whether the log was made now.
    public var isNew: Bool
    /// Whether the writer before was closed cleanly.
    public var wasClean: Bool
    /// Segments, after recovery.
    public var segments: Int
    /// First lsn; 1 also for an empty log.
    public var firstLSN: UInt64
    /// Last lsn; 0 for an empty log.
    public var lastLSN: UInt64
    /// Highest lsn that was known to be durable before recovery.
    public var durableWatermark: UInt64
    /// What was cut.
    public var tornTail: TornTail?
    /// Segments that were read; the others lie before the caller's point.
    public var readSegments: Int
    /// Index files that were missing or wrong and were made again from their segments.
    public var rebuiltIndexes: [String]
    /// Records of which salvage has kept only the numbers.
    public var lostRecords: UInt64
}

extension RecoveryReport: CustomStringConvertible {
    /// Lines for the operator.
    public var description: String {
        if isNew { return "log \(hexadecimal(logID)) created" }
        var text =
            "log \(hexadecimal(logID)) incarnation \(incarnation) previous exit \(wasClean ? "clean" : "unclean")\n"
        let read = readSegments == segments ? "" : " (\(readSegments) read, the rest by index)"
        text += "log \(segments) segments\(read), \(firstLSN)..\(lastLSN) verified (crc32c, chain), "
        text += "durable watermark \(durableWatermark)"
        if let tornTail {
            text += "\ntorn tail in \(tornTail.segment) at byte \(tornTail.offset): \(tornTail.length) bytes after lsn "
            text += "\(tornTail.lastLSN) cut (\(tornTail.reason)), copy kept as \(tornTail.copy) "
            text += "(no acknowledged write affected)"
        }
        if lostRecords > 0 { text += "\n\(lostRecords) records were lost before this log was salvaged" }
        if !rebuiltIndexes.isEmpty {
            text += "\nindex files made again from their segments: \(rebuiltIndexes.joined(separator: ", "))"
        }
        return text
    }
}
