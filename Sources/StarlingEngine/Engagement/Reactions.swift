/// How somebody reacts to a post or a comment.
public enum ReactionKind: UInt8, Sendable, CaseIterable {
    /// Likes it.
    case like = 0
    /// Loves it.
    case love = 1
    /// Finds it funny.
    case haha = 2
    /// Is astonished.
    case wow = 3
    /// Is sad about it.
    case sad = 4
    /// Is angry about it.
    case angry = 5
}

/// How often others reacted to a post or a comment. 32 bytes.
public struct PostCounts: Sendable, Hashable, BitwiseCopyable {
    /// Reactions by kind, then comments, then reposts.
    var lanes = SIMD8<UInt32>.zero

    private static let commentLane = 6
    private static let repostLane = 7

    /// Nothing yet.
    public init() {}

    /// Reactions of one kind.
    public subscript(kind: ReactionKind) -> Int { Int(lanes[Int(kind.rawValue)]) }

    /// Reactions of every kind.
    public var reactions: Int { ReactionKind.allCases.reduce(0) { $0 + self[$1] } }

    /// Comments that are not deleted.
    public var comments: Int { Int(lanes[Self.commentLane]) }

    /// Reposts that are not deleted.
    public var reposts: Int { Int(lanes[Self.repostLane]) }

    /// One reaction of a kind more, or one less.
    mutating func change(_ kind: ReactionKind, by difference: Int32) {
        lanes[Int(kind.rawValue)] &+= UInt32(bitPattern: difference)
    }

    mutating func changeComments(by difference: Int32) {
        lanes[Self.commentLane] &+= UInt32(bitPattern: difference)
    }

    mutating func changeReposts(by difference: Int32) {
        lanes[Self.repostLane] &+= UInt32(bitPattern: difference)
    }
}

/// A change of one user's reaction to one post, as an event says it: the kinds plus one, 0 for none.
struct ReactionChange {
    var old: ReactionKind?
    var new: ReactionKind?

    init(old: ReactionKind?, new: ReactionKind?) {
        self.old = old
        self.new = new
    }

    init(_ number: UInt32) {
        new = Self.kind(number & 0xff)
        old = Self.kind(number >> 8)
    }

    var number: UInt32 { Self.number(new) | Self.number(old) << 8 }

    private static func number(_ kind: ReactionKind?) -> UInt32 { kind.map { UInt32($0.rawValue) + 1 } ?? 0 }

    private static func kind(_ number: UInt32) -> ReactionKind? {
        number == 0 ? nil : ReactionKind(rawValue: UInt8(truncatingIfNeeded: number - 1))
    }
}
