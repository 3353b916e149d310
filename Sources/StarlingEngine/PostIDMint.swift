/// Mints post ids: 41 bits of milliseconds, 12 bits of sequence within the millisecond, 10 bits of the author's slot.
///
/// The sequence stands above the slot (Twitter's Snowflake has it below): only so do ids rise strictly in log order
/// when many authors post within one millisecond. Time is logical: it never goes back, and when 4,096 posts fell into
/// one millisecond it borrows the next.
struct PostIDMint {
    /// 2010-11-04 01:42:54.657 UTC, Snowflake's own epoch, so that ids of imported posts look familiar.
    static let epoch: UInt64 = 1_288_834_974_657
    static let slotBits: UInt64 = 10
    static let sequenceBits: UInt64 = 12
    static let lowBits = slotBits + sequenceBits
    static let largestMilliseconds = epoch + (1 << 41) - 1

    private(set) var lastMilliseconds: UInt64 = epoch
    /// The last id's. Sequence 0 of the first millisecond is passed over, so that no post gets the id 0.
    private var sequence: UInt64 = 0

    /// The next id for a post at `milliseconds` (since 1970), or at the last id's time when that is later.
    mutating func mint(milliseconds: UInt64, slot: Int) -> PostID {
        // Cut off first: a clock beyond the last millisecond must not lead back to it after a borrowed one.
        let wanted = min(milliseconds, Self.largestMilliseconds)
        if wanted > lastMilliseconds {
            lastMilliseconds = wanted
            sequence = 0
        } else {
            sequence += 1
            if sequence == 1 << Self.sequenceBits {
                sequence = 0
                lastMilliseconds += 1
            }
        }
        let time = lastMilliseconds - Self.epoch
        return PostID(rawValue: time << Self.lowBits | sequence << Self.slotBits | UInt64(slot))
    }

    /// The id that was minted or observed last, without its slot; 0 for none.
    var last: PostID {
        let time = lastMilliseconds - Self.epoch
        return PostID(rawValue: time << Self.lowBits | sequence << Self.slotBits)
    }

    /// Whatever was minted up to `milliseconds` is not minted again.
    mutating func passOver(upTo milliseconds: UInt64) {
        guard milliseconds >= lastMilliseconds else { return }
        lastMilliseconds = milliseconds
        sequence = (1 << Self.sequenceBits) - 1
    }

    /// Takes notice of an id read back from the log, so that the next one is higher.
    mutating func observe(_ post: PostID) {
        lastMilliseconds = post.milliseconds
        sequence = (post.rawValue >> Self.slotBits) & ((1 << Self.sequenceBits) - 1)
    }
}
