import StarlingSets

/// What something takes of the arenas at most, in blocks of any size (`Arena.allocationsLeft`): of the arenas of whichever
/// worker has least, and of the sequencer's own.
struct MemoryNeed: Equatable {
    var timelines = 0
    var followers = 0
    var followees = 0
    var pulled = 0
    /// The sequencer's edges.
    var edges = 0

    /// One edge more, without what the followee has posted.
    static let edge = ofEdge(
        SortedSetArena<UInt32>.allocationsPerInsert, followees: SortedSetArena<KeyedValue32>.allocationsPerInsert)

    /// One edge less: what is left may move to smaller blocks.
    static let removal = ofEdge(
        SortedSetArena<UInt32>.allocationsPerRemove, followees: SortedSetArena<KeyedValue32>.allocationsPerRemove)

    private static func ofEdge(_ allocations: Int, followees: Int) -> MemoryNeed {
        MemoryNeed(followers: allocations, followees: followees, pulled: allocations, edges: allocations)
    }

    static func += (sum: inout MemoryNeed, other: MemoryNeed) {
        sum.timelines += other.timelines
        sum.followers += other.followers
        sum.followees += other.followees
        sum.pulled += other.pulled
        sum.edges += other.edges
    }

    /// Takes the lower number of each kind that workers have.
    mutating func lower(to other: MemoryNeed) {
        timelines = min(timelines, other.timelines)
        followers = min(followers, other.followers)
        followees = min(followees, other.followees)
        pulled = min(pulled, other.pulled)
    }

    static func - (left: MemoryNeed, right: MemoryNeed) -> MemoryNeed {
        MemoryNeed(
            timelines: left.timelines - right.timelines, followers: left.followers - right.followers,
            followees: left.followees - right.followees, pulled: left.pulled - right.pulled,
            edges: left.edges - right.edges)
    }
}

/// The kinds of sets, each with an arena of its own.
enum SetKind: Int, CaseIterable {
    case timelines, followers, followees, pulled, edges

    /// For people.
    var words: String {
        switch self {
        case .timelines: "timelines"
        case .followers: "followers"
        case .followees: "followed accounts"
        case .pulled: "followed accounts that are merged at read"
        case .edges: "edges in the sequencer"
        }
    }
}

extension MemoryNeed {
    subscript(kind: SetKind) -> Int {
        switch kind {
        case .timelines: timelines
        case .followers: followers
        case .followees: followees
        case .pulled: pulled
        case .edges: edges
        }
    }
}
