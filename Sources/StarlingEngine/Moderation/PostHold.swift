import StarlingMemory
import StarlingSchema

/// Whether others see a post.
public enum PostState: UInt8, Sendable, CaseIterable {
    /// Everybody who may see it.
    case published = 0
    /// It waits for a moderator, and only its author sees it.
    case pending = 1
    /// It was blocked, and only its author sees it.
    case blocked = 2
}

/// Who judges posts before others see them.
public enum ModerationMode: String, Sendable, CaseIterable {
    /// Nobody.
    case off
    /// The engine, by words and patterns (`ModerationRules`).
    case rules
    /// Somebody outside, who reads the posts that wait and approves or blocks each.
    case outside
}

/// What holds a post back from others. The numbers are those of `Hold.Cause` in the schema.
enum HoldCause: UInt8 {
    case nothing = 0
    case pending = 1
    case moderator = 2
    case rules = 3

    init?(_ hold: Starling_V1_Hold) { self.init(rawValue: UInt8(clamping: hold.cause.rawValue)) }

    var state: PostState {
        switch self {
        case .nothing: .published
        case .pending: .pending
        case .moderator, .rules: .blocked
        }
    }
}

/// The judgement on one post. One byte.
struct PostHold: BitwiseCopyable, Equatable {
    private var bits: UInt8 = 0

    private static let causeBits: UInt8 = 3
    private static let undeliveredBit: UInt8 = 4
    private static let deletedBit: UInt8 = 8

    init() {}

    /// Of a post that is made and not shown.
    init(newPost cause: HoldCause) { bits = cause.rawValue | Self.undeliveredBit }

    var cause: HoldCause {
        get { HoldCause(rawValue: bits & Self.causeBits) ?? .nothing }
        set { bits = bits & ~Self.causeBits | newValue.rawValue }
    }

    /// Whether no timeline has got it yet, because it was never shown.
    var isUndelivered: Bool {
        get { bits & Self.undeliveredBit != 0 }
        set { bits = newValue ? bits | Self.undeliveredBit : bits & ~Self.undeliveredBit }
    }

    /// Whether it was deleted while it was held: then that shows here, and nowhere else in a worker.
    var isDeleted: Bool {
        get { bits & Self.deletedBit != 0 }
        set { bits = newValue ? bits | Self.deletedBit : bits & ~Self.deletedBit }
    }

    var state: PostState { cause.state }

    /// For the digest.
    var number: UInt64 { UInt64(bits) }
}

/// The judgements on posts, by ordinal: a byte for each up to the last one that was ever held. The sequencer has one, and each
/// worker one as of what it has applied. Owned by one thread.
final class HoldTable {
    let table: MappedTable<PostHold>

    init(configuration: EngineConfiguration, in memory: RegionMemory) throws(ArenaError) {
        table = try configuration.makeTable(rows: configuration.maximumPosts + 1, in: memory)
    }

    @inline(__always)
    subscript(ordinal: PostOrdinal) -> PostHold {
        get { Int(ordinal) < table.count ? table.rows[Int(ordinal)] : PostHold() }
        set {
            table.ensure(count: Int(ordinal) + 1)
            table.writable(Int(ordinal)).pointee = newValue
        }
    }
}
