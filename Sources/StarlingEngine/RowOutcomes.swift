/// What became of the rows of an import: four bits each, or one for all when they are the same, as they are in a bulk load.
struct RowOutcomes {
    let count: Int
    /// The outcome of every row, when all have the same one.
    let common: FactAnswer.Row?
    /// Otherwise: two rows a byte, the first in the low bits.
    let packed: [UInt8]

    /// Takes `FollowsImported.row_outcomes`. A number that no version knows counts as refused.
    init(_ numbers: [UInt32]) {
        count = numbers.count
        let first = Self.row(numbers.first ?? 0)
        if numbers.allSatisfy({ Self.row($0) == first }) {
            common = first
            packed = []
        } else {
            var bytes = [UInt8](repeating: 0, count: Self.packedBytes(numbers.count))
            for (place, number) in numbers.enumerated() {
                bytes[place / 2] |= UInt8(truncatingIfNeeded: Self.row(number).rawValue) << (place % 2 * 4)
            }
            common = nil
            packed = bytes
        }
    }

    /// `count` rows of one outcome.
    init(count: Int, common: FactAnswer.Row) {
        self.count = count
        self.common = common
        packed = []
    }

    /// `count` rows as `packed` held them, which has `packedBytes(count)` bytes.
    init(count: Int, packed: [UInt8]) {
        self.count = count
        common = nil
        self.packed = packed
    }

    /// Bytes of `packed` for `count` rows that are not the same.
    static func packedBytes(_ count: Int) -> Int { count / 2 + count % 2 }

    /// The outcome of each row, in order.
    var rows: [FactAnswer.Row] {
        if let common { return Array(repeating: common, count: count) }
        return (0..<count).map { Self.row(UInt32(packed[$0 / 2] >> ($0 % 2 * 4) & 15)) }
    }

    private static func row(_ number: UInt32) -> FactAnswer.Row { FactAnswer.Row(rawValue: number) ?? .refused }
}
