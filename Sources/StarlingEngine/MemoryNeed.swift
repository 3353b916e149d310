import StarlingSets

/// What something takes of the arenas at most, in blocks of any size (`Arena.allocationsLeft`): of the arenas of whichever
/// worker has least, and of the sequencer's own.
struct MemoryNeed: Equatable {
    var timelines = 0
    var followers = 0
    var followees = 0
    var pulled = 0
    /// Blocks, mutes and requests.
    var relations = 0
    /// Who reacted to what, by user and by post.
    var reactions = 0
    var notifications = 0
    /// The sequencer's edges.
    var edges = 0
    /// The sequencer's blocks, mutes and requests.
    var ownRelations = 0
    /// The sequencer's reactions.
    var ownReactions = 0

    /// One edge more, without what the followee has posted.
    static let edge = ofEdge(
        SortedSetArena<UInt32>.allocationsPerInsert, followees: SortedSetArena<KeyedValue32>.allocationsPerInsert)

    /// One edge less: what is left may move to smaller blocks.
    static let removal = ofEdge(
        SortedSetArena<UInt32>.allocationsPerRemove, followees: SortedSetArena<KeyedValue32>.allocationsPerRemove)

    /// One reaction more: with the user and with the post, perhaps on the same worker, that the user deals with the author, and
    /// the notice of it.
    static let reaction = MemoryNeed(
        reactions: 2 * SortedSetArena<KeyedValue32>.allocationsPerInsert + Worker.allocationsPerAffinity,
        notifications: NotificationTable.allocationsPerNotification,
        ownReactions: SortedSetArena<KeyedValue32>.allocationsPerInsert)

    /// One reaction less.
    static let reactionRemoval = MemoryNeed(
        reactions: 2 * SortedSetArena<KeyedValue32>.allocationsPerRemove,
        notifications: NotificationTable.allocationsPerRemoval,
        ownReactions: SortedSetArena<KeyedValue32>.allocationsPerRemove)

    /// One comment more: that its author deals with the post's, and the notice of it.
    static let comment = MemoryNeed(
        reactions: Worker.allocationsPerAffinity, notifications: NotificationTable.allocationsPerNotification)
    /// A post that is held, among those that wait, and perhaps a notice of it.
    static let heldPost: MemoryNeed = {
        var need = MemoryNeed(timelines: SortedSetArena<UInt32>.allocationsPerInsert)
        need += notification
        return need
    }()

    /// A post that is held no longer, without its deliveries.
    static let endedHold: MemoryNeed = {
        var need = MemoryNeed(timelines: SortedSetArena<UInt32>.allocationsPerRemove)
        need += notificationRemoval
        return need
    }()

    /// One notification more.
    static let notification = MemoryNeed(notifications: NotificationTable.allocationsPerNotification)

    /// One notification less.
    static let notificationRemoval = MemoryNeed(notifications: NotificationTable.allocationsPerRemoval)

    /// A block more. What it ends may move to smaller blocks.
    static let block: MemoryNeed = {
        var need = ofRelations(insertions: 2, own: 1)
        for _ in 0..<2 {
            need += removal
            need += notificationRemoval
            need += endedRequest
        }
        return need
    }()

    /// A request more: with the account, twice, and with who asks; perhaps all of one worker. And the notice of it.
    static let request: MemoryNeed = {
        var need = ofRelations(insertions: 3, own: 1)
        need += notification
        return need
    }()

    /// A mute more.
    static let mute = ofRelations(insertions: 1, own: 1)

    /// A request less, and the notice of it.
    static let endedRequest: MemoryNeed = {
        var need = ofRelations(removals: 3, own: 1)
        need += notificationRemoval
        return need
    }()

    /// A block or a mute less.
    static let endedRelation = ofRelations(removals: 2, own: 1)

    /// All that one account has to do with another one, less.
    static let ties: MemoryNeed = {
        var need = removal
        need += endedRequest
        need += endedRelation
        need += endedRelation
        return need
    }()

    private static func ofRelations(insertions: Int, own: Int) -> MemoryNeed {
        let one = RelationSets.Sets.allocationsPerInsert
        return MemoryNeed(relations: insertions * one, ownRelations: own * one)
    }

    private static func ofRelations(removals: Int, own: Int) -> MemoryNeed {
        let one = RelationSets.Sets.allocationsPerRemove
        return MemoryNeed(relations: removals * one, ownRelations: own * one)
    }

    private static func ofEdge(_ allocations: Int, followees: Int) -> MemoryNeed {
        MemoryNeed(followers: allocations, followees: followees, pulled: allocations, edges: allocations)
    }

    static func + (left: MemoryNeed, right: MemoryNeed) -> MemoryNeed {
        var sum = left
        sum += right
        return sum
    }

    static func += (sum: inout MemoryNeed, other: MemoryNeed) {
        sum.timelines += other.timelines
        sum.followers += other.followers
        sum.followees += other.followees
        sum.pulled += other.pulled
        sum.relations += other.relations
        sum.reactions += other.reactions
        sum.notifications += other.notifications
        sum.edges += other.edges
        sum.ownRelations += other.ownRelations
        sum.ownReactions += other.ownReactions
    }

    /// Takes the lower number of each kind that workers have.
    mutating func lower(to other: MemoryNeed) {
        timelines = min(timelines, other.timelines)
        followers = min(followers, other.followers)
        followees = min(followees, other.followees)
        pulled = min(pulled, other.pulled)
        relations = min(relations, other.relations)
        reactions = min(reactions, other.reactions)
        notifications = min(notifications, other.notifications)
    }

    static func - (left: MemoryNeed, right: MemoryNeed) -> MemoryNeed {
        MemoryNeed(
            timelines: left.timelines - right.timelines, followers: left.followers - right.followers,
            followees: left.followees - right.followees, pulled: left.pulled - right.pulled,
            relations: left.relations - right.relations, reactions: left.reactions - right.reactions,
            notifications: left.notifications - right.notifications, edges: left.edges - right.edges,
            ownRelations: left.ownRelations - right.ownRelations, ownReactions: left.ownReactions - right.ownReactions)
    }
}

/// The kinds of sets, each with an arena of its own.
enum SetKind: Int, CaseIterable {
    case timelines, followers, followees, pulled, relations, reactions, notifications, edges, ownRelations, ownReactions

    /// Whether they are the sequencer's own, of which it knows at once how much room is left.
    var isSequencers: Bool { self == .edges || self == .ownRelations || self == .ownReactions }

    /// For people.
    var words: String {
        switch self {
        case .timelines: "timelines"
        case .followers: "followers"
        case .followees: "followed accounts"
        case .pulled: "followed accounts that are merged at read"
        case .relations: "blocks, mutes and requests"
        case .reactions: "reactions"
        case .notifications: "notifications"
        case .edges: "edges in the sequencer"
        case .ownRelations: "blocks, mutes and requests in the sequencer"
        case .ownReactions: "reactions in the sequencer"
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
        case .relations: relations
        case .reactions: reactions
        case .notifications: notifications
        case .edges: edges
        case .ownRelations: ownRelations
        case .ownReactions: ownReactions
        }
    }
}
