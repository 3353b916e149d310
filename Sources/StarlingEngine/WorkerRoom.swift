import StarlingMemory
import Synchronization

/// How many blocks a worker's arenas can still give, for the sequencer to see. The worker stores it before it gives events
/// back to the ring, so whoever has seen the position sees room that is not from before it.
struct WorkerRoom: ~Copyable {
    private let timelines = Atomic<Int>(0)
    private let followers = Atomic<Int>(0)
    private let followees = Atomic<Int>(0)
    private let pulled = Atomic<Int>(0)
    private let relations = Atomic<Int>(0)
    private let reactions = Atomic<Int>(0)
    private let notifications = Atomic<Int>(0)

    func store(_ room: MemoryNeed) {
        timelines.store(room.timelines, ordering: .relaxed)
        followers.store(room.followers, ordering: .relaxed)
        followees.store(room.followees, ordering: .relaxed)
        pulled.store(room.pulled, ordering: .relaxed)
        relations.store(room.relations, ordering: .relaxed)
        reactions.store(room.reactions, ordering: .relaxed)
        notifications.store(room.notifications, ordering: .relaxed)
    }

    func load() -> MemoryNeed {
        MemoryNeed(
            timelines: timelines.load(ordering: .relaxed), followers: followers.load(ordering: .relaxed),
            followees: followees.load(ordering: .relaxed), pulled: pulled.load(ordering: .relaxed),
            relations: relations.load(ordering: .relaxed), reactions: reactions.load(ordering: .relaxed),
            notifications: notifications.load(ordering: .relaxed))
    }
}

/// Where a worker stopped because its memory was full: possible only while a log is replayed that was written with larger
/// arenas or with other workers. Any thread.
struct WorkerStop: ~Copyable {
    private let kind = Atomic<Int>(-1)
    private let isReplaying = Atomic<Bool>(true)

    /// The sets that had no room, or nil.
    var full: SetKind? { SetKind(rawValue: kind.load(ordering: .acquiring)) }

    /// Whether a log is being replayed, which may stop the worker.
    var mayStop: Bool { isReplaying.load(ordering: .relaxed) }

    /// From now on the sequencer sees to it that nothing stops the worker.
    func forbid() { isReplaying.store(false, ordering: .releasing) }

    func stop(for sets: SetKind) {
        precondition(
            isReplaying.load(ordering: .acquiring), "the sequencer admitted what the \(sets.words) have no room for")
        kind.store(sets.rawValue, ordering: .releasing)
    }
}
