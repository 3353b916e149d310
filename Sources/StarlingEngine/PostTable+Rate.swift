extension PostTable {
    private static let dayMilliseconds: UInt64 = 86_400_000

    /// How often an author posts: posts, deleted ones too, in the 24 hours up to the newest one, which is `newest` (0 for none).
    /// O(log n) steps along the chain.
    func postsPerDay(upTo newest: PostOrdinal) -> Int {
        guard newest != 0 else { return 0 }
        let row = rows[Int(newest)]
        let sinceEpoch = PostID(rawValue: row.id).milliseconds - PostIDMint.epoch
        let bound = (max(sinceEpoch, Self.dayMilliseconds) - Self.dayMilliseconds) << PostIDMint.lowBits
        var older = newest
        while older != 0, rows[Int(older)].id >= bound {
            let jump = rows[Int(older)].jump
            older = jump != older && rows[Int(jump)].id >= bound ? jump : rows[Int(older)].previous
        }
        return Int(row.height) + 1 - (older == 0 ? 0 : Int(rows[Int(older)].height) + 1)
    }
}
