/// Sparse tables that find records of one segment by number and by time.
struct SegmentTables: Equatable, Sendable {
    var offsets = SparseIndex()
    var times = TimeIndex()
}

/// Everything that is gathered about a segment while its envelopes are written or read one after another.
struct SegmentSummary: Equatable, Sendable {
    var facts: SegmentFacts
    var tables = SegmentTables()

    /// Tells of the next envelope. `times` is nil for one without records.
    mutating func note(_ header: EnvelopeHeader, times: BatchTimes?) {
        let position = facts.dataEnd
        if header.recordCount > 0 { tables.offsets.note(lsn: header.baseLSN, position: position) }
        facts.note(header, times: times)
        if times != nil { tables.times.note(highest: facts.maxTimestamp, before: header.nextLSN, position: position) }
    }
}
