import StarlingSchema
import StarlingTopics
import SwiftProtobuf

/// Writes `FeedEvent` messages by hand into a buffer that stays: there may be hundreds of thousands a second, and the generated
/// code allocates for each.
struct FeedEventEncoder {
    /// The author's id in decimal digits.
    private(set) var key: [UInt8] = []
    /// The message.
    private(set) var value: [UInt8] = []

    /// What key and value take at most.
    static let maximumBytes = 20 + 4 * 9 + 5 * 11 + 2 * 9

    mutating func setKey(_ author: UserID) {
        key.removeAll(keepingCapacity: true)
        var rest = author.rawValue
        repeat {
            key.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        key.reverse()
    }

    /// Sets key and value. `row` is nil when nobody knows any more.
    mutating func encode(_ post: PostRow, author: UserID, row: DeliveryRow?, settled: UInt64) {
        setKey(author)
        value.removeAll(keepingCapacity: true)
        fixed(1, post.id)
        fixed(2, author.rawValue)
        varint(3, post.lsn)
        if let row {
            varint(4, UInt64(row.followers))
            varint(5, UInt64(row.pushed))
            varint(6, UInt64(row.pulled))
            varint(7, UInt64(row.away))
            if row.medianMicroseconds > 0 { fixed(8, (Double(row.medianMicroseconds) / 1_000).bitPattern) }
            if row.lateMicroseconds > 0 { fixed(9, (Double(row.lateMicroseconds) / 1_000).bitPattern) }
        }
        if settled > 0 { fixed(10, settled) }
    }

    private mutating func fixed(_ field: UInt8, _ number: UInt64) {
        value.append(field << 3 | 1)
        withUnsafeBytes(of: number.littleEndian) { value.append(contentsOf: $0) }
    }

    private mutating func varint(_ field: UInt8, _ number: UInt64) {
        value.append(field << 3)
        var rest = number
        while rest >= 0x80 {
            value.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        value.append(UInt8(truncatingIfNeeded: rest))
    }

    /// The post of an event, and up to which post everything was on the disk then.
    static func mark(
        of record: TopicRecord, partition: Int
    ) throws(TopicError) -> (post: UInt64, settled: UInt64) {
        guard let event = try? Starling_V1_FeedEvent(serializedBytes: record.value ?? []), event.postID != 0 else {
            throw .damagedRecord(.feedEvents, partition: partition, offset: record.offset)
        }
        return (event.postID, event.settledPostID)
    }
}
