import StarlingSystem

/// The one writer of a log. `append` only fills memory; `commit` writes and, at level `disk`, syncs.
///
/// Group commit is natural: append whatever has arrived, commit, repeat. Owned by one thread at a time; only `log` may be
/// used from others.
///
/// The first failed write or sync poisons the writer: what reached the disk is unknown from then on, so every later call
/// throws `poisoned`, and a sync is never repeated. Opening the log again finds out.
public final class LogWriter: @unchecked Sendable {
    /// The side of the log that readers share.
    public let log: Log
    let configuration: LogConfiguration
    let store: SegmentStore
    let compressor = FrameCompressor()
    /// Makes the next segment ready in the background, when somebody calls its `step`.
    public let preparer: SegmentPreparer
    let watermark: WatermarkFile
    var lock: (any DiskLock)?

    /// The lsn of the next record.
    public internal(set) var nextLSN: UInt64
    /// The chain after the last appended record.
    public internal(set) var chain: UInt64
    var sequence: UInt64
    var batch: BatchBuilder
    var output = GrowableBytes(capacity: 256 << 10)
    var pending: [PendingEnvelope] = []
    var plan: SegmentPlan
    var active: ActiveSegment
    var spare: SpareSegment?
    var poison: DiskError?
    var isClosed = false
    /// Between `beginSync` and `finishSync`.
    var isSyncing = false
    var commitsSinceWatermark = 0
    /// Set by `reserve` when the next segment could not be made ahead: what was reserved must not need it.
    var isAgingSuspended = false
    /// Set by `endSegment`.
    var mustRoll = false

    init(
        log: Log, configuration: LogConfiguration, store: SegmentStore, watermark: WatermarkFile, lock: any DiskLock,
        active: ActiveSegment, end: LogPosition
    ) {
        self.log = log
        self.configuration = configuration
        self.store = store
        preparer = SegmentPreparer(directory: store.directory, disk: store.disk)
        self.watermark = watermark
        self.lock = lock
        self.active = active
        nextLSN = end.lsn
        chain = end.chain ?? log.id
        sequence = end.sequence ?? 1
        batch = BatchBuilder(capacity: configuration.batchBytes * 2)
        plan = SegmentPlan(active: active, segmentBytes: configuration.segmentBytes)
    }

    /// Bytes that wait for `commit`.
    public var pendingBytes: Int { output.bytes.count + batch.records.count }

    /// Adds a record to the open batch and returns its lsn. Touches no file and allocates nothing once the buffers have
    /// grown.
    ///
    /// - Parameters:
    ///   - timestamp: milliseconds since 1970; need not rise.
    ///   - key: a number of the caller's choice.
    ///   - value: the part that stays.
    ///   - body: the part that may be erased later.
    /// - Throws: `recordTooLarge`, `timestampOutOfRange` and `tooMuchPending` change nothing; `poisoned`, `closed`.
    public func append(
        timestamp: UInt64, key: UInt64, value: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer? = nil
    ) throws(LogError) -> UInt64 {
        try checkUsable()
        let size = value.count + (body?.count ?? 0)
        if size > configuration.maximumRecordBytes {
            throw .recordTooLarge(bytes: size, limit: configuration.maximumRecordBytes)
        }
        if timestamp > LogLimits.highestTimestamp { throw .timestampOutOfRange(timestamp) }
        let waiting = pendingBytes + size + LogLimits.recordOverheadBytes
        if waiting > configuration.maximumPendingBytes {
            throw .tooMuchPending(bytes: waiting, limit: configuration.maximumPendingBytes)
        }
        if batch.count == 0 { batch.start(baseLSN: nextLSN, timestamp: timestamp, chain: chain) }
        batch.append(timestamp: timestamp, key: key, value: value, body: body)
        let hash = RecordChain.recordHash(key: key, value: value, bodyHash: RecordChain.bodyHash(body))
        chain = RecordChain.advance(chain, by: hash)
        let lsn = nextLSN
        nextLSN += 1
        if batch.records.count >= configuration.batchBytes { sealBatch() }
        return lsn
    }

    func checkUsable() throws(LogError) {
        if let poison { throw .poisoned(poison) }
        if isClosed { throw .closed }
    }

    /// Notes the first failure; nothing is written after it.
    func poisoned(by error: DiskError) -> LogError {
        poison = error
        log.publishEnd()
        return .writeFailed(error)
    }
}

/// The segment that is being written.
struct ActiveSegment {
    var file: any DiskFile
    var base: UInt64
    /// Where the next envelope goes.
    var position: UInt64
    /// Size of the file.
    var capacity: UInt64
    /// Whether it holds a record yet. Two segments cannot have the same base, so a segment without one never rolls.
    var hasRecords: Bool
    /// Of its first record, in milliseconds.
    var firstTimestamp: UInt64?
}

/// The file that becomes the next segment.
struct SpareSegment {
    let file: any DiskFile
    var capacity: UInt64
}
