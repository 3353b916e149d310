/// Where the next page of a ranked feed begins: the order itself, as far as it was not shown yet. So it stays one order while
/// counters move, costs the server no memory, and holds over restarts and for any number of workers.
public struct RankedPosition: Sendable, Hashable {
    /// The posts to come, best first.
    var rest: ArraySlice<PostOrdinal>
    /// Posts below it follow, newest first. None of `rest` is below it.
    var bound: PostOrdinal

    init(rest: ArraySlice<PostOrdinal>, bound: PostOrdinal) {
        self.rest = rest
        self.bound = bound
    }

    /// `bound`, how many posts, and the bits of each of their numbers.
    private static let headBytes = 7
    private static let numberBits = PostOrdinal.bitWidth

    /// The most that `bytes` has.
    public static let maximumBytes = headBytes + (RankingSettings.candidatesLimit * numberBits + 7) / 8

    /// For storing it; a caller that hands it to strangers signs it. Posts stand there as their distance from `bound`, in as many
    /// bits as the farthest needs: some 2 bytes each.
    public var bytes: [UInt8] {
        let farthest = rest.reduce(0) { max($0, $1 - bound) }
        let width = Self.numberBits - farthest.leadingZeroBitCount
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.headBytes + (rest.count * width + 7) / 8)
        for place in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: bound >> UInt32(place * 8))) }
        bytes.append(UInt8(truncatingIfNeeded: rest.count))
        bytes.append(UInt8(truncatingIfNeeded: rest.count >> 8))
        bytes.append(UInt8(width))
        var bits: UInt64 = 0
        var bitCount = 0
        for ordinal in rest {
            bits |= UInt64(ordinal - bound) << UInt64(bitCount)
            bitCount += width
            while bitCount >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
                bitCount -= 8
            }
        }
        if bitCount > 0 { bytes.append(UInt8(truncatingIfNeeded: bits)) }
        return bytes
    }

    /// From `bytes`; nil when they are none.
    public init?(bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count >= Self.headBytes else { return nil }
        let bound = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << UInt32($1 * 8) }
        let count = Int(bytes[4]) | Int(bytes[5]) << 8
        let width = Int(bytes[6])
        guard count <= RankingSettings.candidatesLimit, width <= Self.numberBits,
            bytes.count == Self.headBytes + (count * width + 7) / 8
        else { return nil }
        var rest: [PostOrdinal] = []
        rest.reserveCapacity(count)
        var bits: UInt64 = 0
        var bitCount = 0
        var place = Self.headBytes
        for _ in 0..<count {
            while bitCount < width {
                bits |= UInt64(bytes[place]) << UInt64(bitCount)
                bitCount += 8
                place += 1
            }
            let distance = UInt32(truncatingIfNeeded: bits & (1 << UInt64(width) - 1))
            let (ordinal, overflow) = bound.addingReportingOverflow(distance)
            if overflow { return nil }
            rest.append(ordinal)
            bits >>= UInt64(width)
            bitCount -= width
        }
        self.init(rest: rest[...], bound: bound)
    }
}
