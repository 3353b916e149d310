/// What one segment was found to hold.
struct SegmentSurvey: Sendable {
    let name: String
    let fileSize: UInt64
    /// Of the readable data.
    let facts: SegmentFacts
    /// Nil when the facts were taken from the index file and the segment was not read.
    let tables: SegmentTables?
    var damage: LogDamage?

    var base: UInt64 { facts.base }
    /// End of the readable data.
    var dataEnd: UInt64 { facts.dataEnd }
    /// The lsn after the last readable record.
    var nextLSN: UInt64 { facts.nextLSN }

    /// What the index file must hold. Nil when the segment was not read.
    var summary: SegmentSummary? { tables.map { SegmentSummary(facts: facts, tables: $0) } }
}

/// The end of a log that a crash left half written.
struct TornTail: Equatable, Sendable {
    let segment: String
    let offset: UInt64
    /// End of the last byte that is not zero.
    let dataEnd: UInt64
    /// Last lsn before the tear.
    let lastLSN: UInt64
    let reason: String

    var length: UInt64 { dataEnd > offset ? dataEnd - offset : 0 }
}
