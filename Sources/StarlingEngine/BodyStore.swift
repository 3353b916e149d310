import StarlingLog
import StarlingSchema
import StarlingSystem
import SwiftProtobuf
import Synchronization

/// Reads bodies of posts and comments from the log, and keeps the ones read last within a bound. Any thread.
///
/// A cache of two generations: what is used moves to the young one; when that is half the bound, the old one is dropped. So
/// an entry costs one dictionary look-up, and nothing has to be kept in order.
final class BodyStore: Sendable {
    /// By the record that holds the body.
    private struct Cache {
        var young: [UInt64: EncodedPost] = [:]
        var old: [UInt64: EncodedPost] = [:]
        var youngBytes = 0
    }

    private let log: Log
    private let cache = Mutex(Cache())
    private let bytesPerGeneration: Int

    /// What an entry takes besides its bytes.
    private static let entryBytes = 80

    init(log: Log, cacheBytes: Int) {
        self.log = log
        bytesPerGeneration = cacheBytes / 2
    }

    /// The bodies of posts, in the same order; nil for a body that was erased, or whose part of the log was removed. Posts that are
    /// not cached are read from the log, each batch once: about 20 us a batch when the file is in memory.
    func bodies(of entries: ArraySlice<PostEntry>) throws(LogError) -> [EncodedPost?] {
        var result = [EncodedPost?](repeating: nil, count: entries.count)
        var missing: [(lsn: UInt64, place: Int)] = []
        cache.withLock { cache in
            for (place, entry) in entries.enumerated() {
                if let body = Self.lookUp(entry.bodyLSN, &cache, limit: bytesPerGeneration) {
                    result[place] = body
                } else {
                    missing.append((entry.bodyLSN, place))
                }
            }
        }
        if missing.isEmpty { return result }
        missing.sort { $0.lsn < $1.lsn }
        // The same post may stand twice in a request: the log wants each number once.
        var numbers: [UInt64] = []
        for (lsn, _) in missing where numbers.last != lsn { numbers.append(lsn) }
        var records: [UInt64: LogRecord] = [:]
        for record in try readKept(numbers) { records[record.lsn] = record }
        for (lsn, place) in missing { result[place] = records[lsn].flatMap(Self.parse) }
        cache.withLock { cache in
            for (lsn, place) in missing {
                if let body = result[place] { Self.add(lsn, body, to: &cache, limit: bytesPerGeneration) }
            }
        }
        return result
    }

    /// Why the records say that posts are blocked; nothing of those that the log has no more.
    func blockReasons(in records: [UInt64]) throws(LogError) -> [UInt64: String] {
        var reasons: [UInt64: String] = [:]
        for record in try readKept(Set(records).sorted()) {
            guard let fact = try? Starling_V1_Fact(serializedBytes: record.value) else { continue }
            switch fact.fact {
            case .postBlocked(let block): reasons[record.lsn] = block.reason
            case .postCreated(let post): reasons[record.lsn] = post.hold.reason
            case .postEdited(let edit): reasons[record.lsn] = edit.hold.reason
            default: break
            }
        }
        return reasons
    }

    /// The records that the log still has: retention may have removed the oldest.
    private func readKept(_ numbers: [UInt64]) throws(LogError) -> [LogRecord] {
        while true {
            let first = log.firstLSN
            let kept = numbers.filter { $0 >= first }
            do {
                return kept.isEmpty ? [] : try log.readRecords(lsns: kept)
            } catch {
                // Removed between the two lines above: once more with what is left.
                if log.firstLSN == first { throw error }
            }
        }
    }

    private static func lookUp(_ lsn: UInt64, _ cache: inout Cache, limit: Int) -> EncodedPost? {
        if let body = cache.young[lsn] { return body }
        guard let body = cache.old[lsn] else { return nil }
        add(lsn, body, to: &cache, limit: limit)
        return body
    }

    private static func add(_ lsn: UInt64, _ body: EncodedPost, to cache: inout Cache, limit: Int) {
        let bytes = entryBytes + body.bytes.count
        if bytes > limit { return }
        if cache.youngBytes + bytes > limit {
            cache.old = cache.young
            cache.young = [:]
            cache.youngBytes = 0
        }
        cache.young[lsn] = body
        cache.youngBytes += bytes
    }

    private static func parse(_ record: LogRecord) -> EncodedPost? {
        guard !record.isErased, let fact = try? Starling_V1_Fact(serializedBytes: record.value),
            let words = try? Starling_V1_PostBody(serializedBytes: record.body ?? [])
        else { return nil }
        return EncodedPost(fact, words, milliseconds: record.timestamp)
    }
}
