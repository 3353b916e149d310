import StarlingSystem

/// The numbers of the table that are not in an entry. Part of the snapshot's format, like the other types of this file.
struct IdempotencyRoot: BitwiseCopyable {
    /// Stays with the table: its entries lie in their buckets by it.
    var seed: UInt64
    var count: UInt64
    /// The entries in the order of their records, so that expiry takes them from the front.
    var front: UInt32
    var back: UInt32
    /// 0 before the first insertion.
    var bucketCount: UInt32
    var unused: UInt32
}

/// The fixed part of an entry; its text and the rows of its answer follow.
struct IdempotencyCell: BitwiseCopyable {
    var nextInBucket: UInt32
    var nextInOrder: UInt32
    /// The second cell of the entry, or 0.
    var continuation: UInt32
    var hash: UInt32
    var actor: UInt64
    var fingerprint: Hash128
    var lsn: UInt64
    var milliseconds: UInt64
    var answerValue: UInt64
    var textBytes: UInt32
    /// A `StoredAnswer.Kind`.
    var answerKind: UInt8
    /// 1 when a younger entry has the key: this one only waits for its time to be over.
    var isSuperseded: UInt8 = 0

    /// Bytes of text and rows.
    var payloadBytes: Int { Int(textBytes) + StoredAnswer.rowBytes(kind: answerKind, value: answerValue) }
}

/// An answer as an entry holds it: a kind, a number, and the rows of an import that are not all the same.
struct StoredAnswer {
    enum Kind: UInt8 {
        /// Bit 0: follows, bit 1: changed, bit 2: has asked and waits.
        case follow = 1
        /// The post's id.
        case post = 2
        /// Bit 0: changed.
        case deleted = 3
        /// The number of rows; their outcomes follow the text.
        case follows = 4
        /// The number of rows above four bits of their common outcome.
        case equalFollows = 5
        /// The account's id.
        case account = 20
        /// The comment's id.
        case comment = 40
        /// Bit 0: changed; above it the operation.
        case changed = 41
        /// The post's id, each.
        case pendingPost = 60
        case blockedPost = 61
    }

    let kind: Kind
    let value: UInt64
    let rows: [UInt8]

    init(kind: Kind, value: UInt64, rows: [UInt8]) {
        self.kind = kind
        self.value = value
        self.rows = rows
    }

    init(_ answer: IdempotencyTable.Answer) {
        switch answer {
        case .follow(let edge):
            let state: UInt64 = edge.state == .following ? 1 : edge.state == .pending ? 4 : 0
            self.init(kind: .follow, value: state | (edge.changed ? 2 : 0), rows: [])
        case .post(let id): self.init(kind: .post, value: id.rawValue, rows: [])
        case .account(let id): self.init(kind: .account, value: id.rawValue, rows: [])
        case .heldPost(let id, let state):
            self.init(kind: state == .pending ? .pendingPost : .blockedPost, value: id.rawValue, rows: [])
        case .deleted(let changed): self.init(kind: .deleted, value: changed ? 1 : 0, rows: [])
        case .comment(let id): self.init(kind: .comment, value: id.rawValue, rows: [])
        case .changed(let operation, let changed):
            self.init(kind: .changed, value: UInt64(operation.rawValue) << 1 | (changed ? 1 : 0), rows: [])
        case .follows(let outcomes):
            if let common = outcomes.common {
                self.init(
                    kind: .equalFollows, value: UInt64(outcomes.count) << 4 | UInt64(common.rawValue), rows: [])
            } else {
                self.init(kind: .follows, value: UInt64(outcomes.count), rows: outcomes.packed)
            }
        }
    }

    var answer: IdempotencyTable.Answer {
        switch kind {
        case .follow:
            .follow(
                FollowOutcome(
                    state: value & 1 != 0 ? .following : value & 4 != 0 ? .pending : .none, changed: value & 2 != 0))
        case .post: .post(PostID(rawValue: value))
        case .account: .account(UserID(rawValue: value))
        case .pendingPost: .heldPost(PostID(rawValue: value), .pending)
        case .blockedPost: .heldPost(PostID(rawValue: value), .blocked)
        case .deleted: .deleted(changed: value & 1 != 0)
        case .comment: .comment(PostID(rawValue: value))
        case .changed:
            .changed(FactAnswer.Operation(rawValue: UInt32(clamping: value >> 1)) ?? .deletePost, value & 1 != 0)
        case .follows: .follows(RowOutcomes(count: Int(value), packed: rows))
        case .equalFollows:
            .follows(
                RowOutcomes(count: Int(value >> 4), common: FactAnswer.Row(rawValue: UInt32(value & 15)) ?? .refused))
        }
    }

    /// Bytes of rows behind the text.
    static func rowBytes(kind: UInt8, value: UInt64) -> Int {
        kind == Kind.follows.rawValue ? RowOutcomes.packedBytes(Int(value)) : 0
    }
}
