/// What is to be known about a segment without reading it. The writer, recovery and the scrubber gather the same facts
/// envelope by envelope; an index file stores them.
struct SegmentFacts: Equatable, Sendable {
    /// 0 as long as the segment holds no envelope.
    var logID: UInt64 = 0
    let base: UInt64
    /// The lsn after the last record.
    var nextLSN: UInt64
    /// End of the last envelope.
    var dataEnd: UInt64 = 0
    /// Markers included.
    var envelopes: UInt64 = 0
    /// Records that are there.
    var records: UInt64 = 0
    /// Records that salvage has noted as lost. `records` and these make up `nextLSN - base`.
    var lostRecords: UInt64 = 0
    /// Of the first envelope; 0 when there is none.
    var firstSequence: UInt64 = 0
    /// Of the last envelope; 0 when there is none.
    var lastSequence: UInt64 = 0
    /// The chain before the first record.
    var chainBefore: UInt64 = 0
    /// The chain after the last record.
    var chainAfter: UInt64 = 0
    /// The highest that any envelope carries.
    var durableUpTo: UInt64 = 0
    /// The highest that any envelope carries.
    var incarnation: UInt64 = 0
    /// Of the first record, in milliseconds; 0 when there is none.
    var firstTimestamp: UInt64 = 0
    /// The highest of all records, in milliseconds; 0 when there is none.
    var maxTimestamp: UInt64 = 0

    init(base: UInt64) {
        self.base = base
        nextLSN = base
    }

    /// Whether an lsn is used up. Two segments cannot have the same base, so a segment without one never rolls.
    var hasRecords: Bool { nextLSN > base }

    /// What the envelope after the last one must say.
    var end: LogPosition {
        LogPosition(logID: logID, sequence: lastSequence &+ 1, lsn: nextLSN, chain: chainAfter)
    }

    /// Whether the segment continues a log that has come to `position`.
    func follows(_ position: LogPosition) -> Bool {
        guard base == position.lsn, position.logID ?? logID == logID else { return false }
        guard position.sequence ?? firstSequence == firstSequence else { return false }
        return chainBefore == position.chain ?? (base == 1 ? logID : chainBefore)
    }

    mutating func note(_ header: EnvelopeHeader, times: BatchTimes?) {
        if envelopes == 0 {
            logID = header.logID
            firstSequence = header.sequence
            chainBefore = header.previousChain
        }
        envelopes += 1
        dataEnd += header.totalLength
        nextLSN = header.nextLSN
        lastSequence = header.sequence
        chainAfter = header.chain
        durableUpTo = max(durableUpTo, header.durableUpTo)
        incarnation = max(incarnation, header.incarnation)
        if header.isLost { lostRecords += UInt64(header.recordCount) }
        guard let times else { return }
        if records == 0 { firstTimestamp = times.first }
        records += UInt64(header.recordCount)
        maxTimestamp = max(maxTimestamp, times.highest)
    }
}

/// The times of a batch, as its header tells them, in milliseconds since 1970.
struct BatchTimes: Equatable, Sendable {
    /// Of the first record.
    let first: UInt64
    /// The highest of all.
    let highest: UInt64
}
