import StarlingMemory
import StarlingSystem

/// The buckets: linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", 1980). There is a
/// bucket for each key; an insertion that makes one too few splits one, so none ever stalls to move them all.
extension IdempotencyTable {
    /// What names an entry: the head of a bucket, or the entry before it in the bucket.
    enum Link {
        case bucket(Int)
        case entry(UInt32)
    }

    /// A page of heads.
    static let firstBucketCount: UInt32 = 1_024

    /// The root of a table that was never written is zero.
    func prepareFirstInsertion() {
        guard root.rows.pointee.bucketCount == 0 else { return }
        root.writable(0).pointee.seed = freshSeed
        root.writable(0).pointee.bucketCount = Self.firstBucketCount
        buckets.ensure(count: Int(Self.firstBucketCount))
    }

    func target(of link: Link) -> UInt32 {
        switch link {
        case .bucket(let number): buckets.rows[number]
        case .entry(let head): cell(head).pointee.nextInBucket
        }
    }

    /// Writes only what changes, so that a page without a change is not stored again.
    func set(_ link: Link, to head: UInt32) {
        guard target(of: link) != head else { return }
        switch link {
        case .bucket(let number): buckets.writable(number).pointee = head
        case .entry(let previous): writableCell(previous).pointee.nextInBucket = head
        }
    }

    /// The hash of `key`, and what names its entry if there is one. O(1) on average.
    ///
    /// Murmur3 has collisions that no seed prevents (Aumasson and Bernstein, "Hash-flooding DoS reloaded", 2012). The
    /// construction doubles their number with each 32 bytes, so 128 bytes of one actor's keys give 16, and walking past
    /// them takes microseconds. Keys of different actors have different seeds.
    func find(_ key: Key) -> (hash: UInt32, link: Link?) {
        var text = key.text
        return text.withUTF8 { text in
            let hash = Self.hash(actor: key.actor, UnsafeRawBufferPointer(text), seed: root.rows.pointee.seed)
            var link = Link.bucket(bucket(of: hash))
            while case let head = target(of: link), head != 0 {
                let entry = cell(head)
                if entry.pointee.hash == hash, entry.pointee.actor == key.actor, hasText(head, text) {
                    return (hash, link)
                }
                link = .entry(head)
            }
            return (hash, nil)
        }
    }

    /// The seed is the table's own, drawn with the log and not to be known to strangers; so neither is the key.
    static func hash(actor: UInt64, _ text: UnsafeRawBufferPointer, seed: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: SipHash.hash(actor, text, key: Hash128(high: Murmur3.mix(seed), low: seed)))
    }

    /// The bucket of a hash: by as many bits as number all buckets, or one fewer where that bucket is not split yet.
    func bucket(of hash: UInt32) -> Int {
        let count = root.rows.pointee.bucketCount
        let mask = UInt32.max >> UInt32((count - 1).leadingZeroBitCount)
        let place = hash & mask
        return Int(place < count ? place : place & (mask >> 1))
    }

    /// Takes an entry out of its bucket.
    func unlink(_ head: UInt32, hash: UInt32) {
        var link = Link.bucket(bucket(of: hash))
        while case let next = target(of: link), next != head {
            precondition(next != 0, "an idempotency key is not in its bucket")
            link = .entry(next)
        }
        set(link, to: cell(head).pointee.nextInBucket)
    }

    /// Adds a bucket, and moves to it what belongs there from the bucket whose number has one bit fewer.
    func splitBucket() {
        let new = root.rows.pointee.bucketCount
        guard Int(new) < buckets.capacity else { return }
        let topBit = UInt32(1) << UInt32(31 - new.leadingZeroBitCount)
        root.writable(0).pointee.bucketCount = new + 1
        buckets.ensure(count: Int(new) + 1)
        var head = buckets.rows[Int(new - topBit)]
        var staying = Link.bucket(Int(new - topBit))
        var moving = Link.bucket(Int(new))
        while head != 0 {
            let next = cell(head).pointee.nextInBucket
            if cell(head).pointee.hash & topBit != 0 {
                set(moving, to: head)
                moving = .entry(head)
            } else {
                set(staying, to: head)
                staying = .entry(head)
            }
            head = next
        }
        set(staying, to: 0)
        set(moving, to: 0)
    }
}
