/// What became of the rows of an import: a byte each, or one for all when they are the same, as they are in a bulk load.
struct RowOutcomes {
    let count: Int
    private let bytes: [UInt8]

    /// Takes `FollowsImported.row_outcomes`.
    init(_ rows: [UInt32]) {
        count = rows.count
        let isUniform = rows.allSatisfy { $0 == rows.first }
        bytes = rows.prefix(isUniform ? 1 : rows.count).map { UInt8(clamping: $0) }
    }

    /// The outcome of each row, in order. A number that no version knows counts as refused.
    var rows: [FactAnswer.Row] {
        (0..<count).map { FactAnswer.Row(rawValue: UInt32(bytes.count == 1 ? bytes[0] : bytes[$0])) ?? .refused }
    }
}
