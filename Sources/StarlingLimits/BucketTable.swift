import Synchronization

/// The buckets of one rule: a fixed number of places, so that whoever invents keys cannot take memory.
///
/// A key belongs to a set of 8 places. A bucket that is full again says no more than none, so its place is free for another
/// key. Where all 8 places are taken by buckets in use, a new key draws from the one overflow bucket that all such keys share:
/// who cycles keys gets no fresh bucket, and nobody's bucket is forgotten. Any thread may call.
final class BucketTable: Sendable {
    /// A key's tokens.
    struct Bucket: Sendable, Equatable {
        var key: UInt64
        /// The level at the time `at`, in the rate's units.
        var level: UInt64
        /// On the monotonic clock, in nanoseconds.
        var at: UInt64

        /// A place that nobody has: full, whatever the rate.
        static let unused = Bucket(key: 0, level: .max, at: 0)
    }

    /// What became of a charge.
    struct Outcome: Sendable, Equatable {
        var isTaken: Bool
        /// The level afterwards.
        var level: UInt64
    }

    private final class Shard: Sendable {
        let buckets: Mutex<[Bucket]>

        init(count: Int) { buckets = Mutex(Array(repeating: .unused, count: count)) }
    }

    let rate: TokenRate
    private let shards: [Shard]
    private let setsPerShard: Int
    private let overflow: Mutex<Bucket>

    private static let ways = 8
    private static let shardCount = 16

    /// - Parameter places: how many keys there is room for, rounded up to a multiple of 128.
    init(rate: TokenRate, places: Int) {
        self.rate = rate
        setsPerShard = max(1, (places + Self.ways * Self.shardCount - 1) / (Self.ways * Self.shardCount))
        let count = setsPerShard * Self.ways
        shards = (0..<Self.shardCount).map { _ in Shard(count: count) }
        overflow = Mutex(.unused)
    }

    /// Takes `units` from the key's bucket if it holds them.
    func take(_ units: UInt64, of key: UInt64, now: UInt64) -> Outcome {
        let (shard, set) = place(of: key)
        let found = shard.buckets.withLock { buckets -> Outcome? in
            guard let index = index(of: key, in: set, of: buckets, now: now) else { return nil }
            if buckets[index].key != key { buckets[index] = Bucket(key: key, level: rate.capacity, at: now) }
            return take(units, from: &buckets[index], now: now)
        }
        return found ?? overflow.withLock { take(units, from: &$0, now: now) }
    }

    /// Gives back what was taken of a key just before.
    func giveBack(_ units: UInt64, of key: UInt64) {
        let (shard, set) = place(of: key)
        let isFound = shard.buckets.withLock { buckets in
            guard let index = set.first(where: { buckets[$0].key == key }) else { return false }
            give(units, to: &buckets[index])
            return true
        }
        if !isFound { overflow.withLock { give(units, to: &$0) } }
    }

    /// All buckets that are not full, settled at `now`, and the overflow bucket's level.
    func levels(now: UInt64) -> (buckets: [(key: UInt64, level: UInt64)], overflow: UInt64) {
        var levels: [(key: UInt64, level: UInt64)] = []
        for shard in shards {
            shard.buckets.withLock { buckets in
                for bucket in buckets where !isFull(bucket, now: now) {
                    levels.append((bucket.key, level(of: bucket, now: now)))
                }
            }
        }
        return (levels, overflow.withLock { level(of: $0, now: now) })
    }

    /// Sets a key's level, as after a restart. Where its set has no room, the overflow bucket takes no more than it.
    func restore(_ level: UInt64, of key: UInt64, now: UInt64) {
        let (shard, set) = place(of: key)
        let bucket = Bucket(key: key, level: min(level, rate.capacity), at: now)
        let isFound = shard.buckets.withLock { buckets in
            guard let index = index(of: key, in: set, of: buckets, now: now) else { return false }
            buckets[index] = bucket
            return true
        }
        if !isFound { restoreOverflow(level, now: now) }
    }

    /// Lowers the overflow bucket to `level`.
    func restoreOverflow(_ level: UInt64, now: UInt64) {
        overflow.withLock { $0 = Bucket(key: 0, level: min(self.level(of: $0, now: now), level), at: now) }
    }

    private func take(_ units: UInt64, from bucket: inout Bucket, now: UInt64) -> Outcome {
        let level = level(of: bucket, now: now)
        guard level >= units else { return Outcome(isTaken: false, level: level) }
        bucket.level = level - units
        // Two threads may come with their times in the wrong order: the same time must not be credited twice.
        bucket.at = max(bucket.at, now)
        return Outcome(isTaken: true, level: level - units)
    }

    private func give(_ units: UInt64, to bucket: inout Bucket) {
        bucket.level += min(units, rate.capacity - min(bucket.level, rate.capacity))
    }

    private func place(of key: UInt64) -> (Shard, Range<Int>) {
        let set = Int((key >> 4) % UInt64(setsPerShard)) * Self.ways
        return (shards[Int(key % UInt64(Self.shardCount))], set..<set + Self.ways)
    }

    /// The key's place, or a free one.
    private func index(of key: UInt64, in set: Range<Int>, of buckets: [Bucket], now: UInt64) -> Int? {
        var free: Int?
        for index in set {
            if buckets[index].key == key { return index }
            if free == nil, isFull(buckets[index], now: now) { free = index }
        }
        return free
    }

    private func isFull(_ bucket: Bucket, now: UInt64) -> Bool { level(of: bucket, now: now) == rate.capacity }

    private func level(of bucket: Bucket, now: UInt64) -> UInt64 {
        rate.refilled(min(bucket.level, rate.capacity), after: now > bucket.at ? now - bucket.at : 0)
    }
}
