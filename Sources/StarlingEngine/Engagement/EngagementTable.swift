import StarlingMemory
import StarlingSets

/// What a worker keeps of a post or comment that anybody did something with. 64 bytes: a line of the cache.
struct EngagementRow: BitwiseCopyable {
    var counts = PostCounts()
    /// Where the newest body is in the log, above 16 bits of how often it was changed. 0 for the body that it was made with.
    var body: UInt64 = 0
    /// Who reacted, with the kind: only with the worker that owns the author.
    var reactors = SortedSet()
    /// The newest comment, deleted ones too, or 0.
    var newestComment: PostOrdinal = 0
    /// The post or comment that the row is about.
    var ordinal: PostOrdinal = 0

    /// The record that holds the newest body; 0 for the one that made the post.
    var bodyLSN: UInt64 { body >> 16 }
    /// How often the body was changed, as `PostTable.editCount` counts.
    var edits: UInt16 { UInt16(truncatingIfNeeded: body) }
}

/// The counters of posts and comments, a row for each that has any: every worker has all of them, so that a page needs no other
/// worker. Rows stand in the order in which posts first got one, so a post's row has the same place in every worker. Owned by
/// the worker's thread.
final class EngagementTable {
    /// By ordinal: the place of the row plus one, or 0.
    let places: MappedTable<UInt32>
    let rows: MappedTable<EngagementRow>

    init(configuration: EngineConfiguration, in memory: RegionMemory) throws(ArenaError) {
        places = try configuration.makeTable(rows: configuration.maximumPosts + 1, in: memory)
        rows = try configuration.makeTable(rows: configuration.maximumPosts + 1, in: memory)
    }

    /// The row of a post or comment; nil when there is none.
    @inline(__always)
    func row(of ordinal: PostOrdinal) -> UnsafePointer<EngagementRow>? {
        guard Int(ordinal) < places.count else { return nil }
        let place = places.rows[Int(ordinal)]
        return place == 0 ? nil : rows.rows + Int(place - 1)
    }

    /// The row of a post or comment, made when missing, to be changed now.
    func writable(_ ordinal: PostOrdinal) -> UnsafeMutablePointer<EngagementRow> {
        places.ensure(count: Int(ordinal) + 1)
        let place = places.rows[Int(ordinal)]
        if place != 0 { return rows.writable(Int(place - 1)) }
        var row = EngagementRow()
        row.ordinal = ordinal
        let new = rows.append(row)
        places.writable(Int(ordinal)).pointee = UInt32(new + 1)
        return rows.writable(new)
    }
}
