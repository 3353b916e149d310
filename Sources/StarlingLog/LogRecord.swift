import StarlingSystem

/// One record of the log, copied out.
public struct LogRecord: Equatable, Sendable {
    /// Its number. The first record of a log is 1, and no number is skipped.
    public var lsn: UInt64
    /// Milliseconds since 1970-01-01 UTC.
    public var timestamp: UInt64
    /// A number that the caller chose, for example the actor.
    public var key: UInt64
    /// The part that stays.
    public var value: [UInt8]
    /// The part that may be erased later. Nil when there was none, or when it was erased.
    public var body: [UInt8]?
    /// Whether there was a body that has been erased.
    public var isErased: Bool
    /// Whether the record itself was lost: salvage has kept its number and nothing else.
    public var isLost: Bool

    /// Creates a record.
    public init(
        lsn: UInt64, timestamp: UInt64, key: UInt64, value: [UInt8], body: [UInt8]? = nil, isErased: Bool = false,
        isLost: Bool = false
    ) {
        self.lsn = lsn
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.body = body
        self.isErased = isErased
        self.isLost = isLost
    }
}

/// One record of the log, as it lies in a reader's buffer. Valid only during the call that hands it out: copy what has
/// to stay.
public struct LogRecordView {
    /// Its number.
    public let lsn: UInt64
    /// Milliseconds since 1970-01-01 UTC.
    public let timestamp: UInt64
    /// A number that the caller chose, for example the actor.
    public let key: UInt64
    /// The part that stays.
    public let value: UnsafeRawBufferPointer
    /// The part that may be erased later. Nil when there was none, or when it was erased.
    public let body: UnsafeRawBufferPointer?
    /// Hash of the body, also when it was erased; zero when there was none.
    public let bodyHash: Hash128
    /// Whether there was a body that has been erased.
    public let isErased: Bool
    /// Whether the record itself was lost: salvage has kept its number and nothing else. Key, time, value and body are
    /// empty, and the chain between lost records is not known: the one before them stands in.
    public let isLost: Bool
    /// The log's running hash after this record. Equal chains at one lsn mean equal logs up to there.
    public let chain: UInt64

    /// Copies the record.
    public func copy() -> LogRecord {
        LogRecord(
            lsn: lsn, timestamp: timestamp, key: key, value: Array(value), body: body.map { Array($0) },
            isErased: isErased,
            isLost: isLost)
    }
}
