import StarlingSystem
import Synchronization

/// What a worker applies: one record of the log, or one edge of a record that holds many. 32 bytes, no reference.
struct Event {
    enum Kind: UInt8 {
        /// A new account: `first` is its index, `value` its id.
        case userAdded
        /// `first` follows `second` since `third` (seconds); `value` is a `FollowEventValue`.
        case followed
        /// `first` follows `second` no longer.
        case unfollowed
        /// `first` made the post `second`.
        case postCreated
        /// `first` made the post `second`, which is held back from others (`third` is a `HoldCause`).
        case postHeld
        /// The post `second` of `first` is held back from others (`third` is a `HoldCause`) or no longer, since `value` milliseconds.
        case holdChanged
        /// The post `second` of `first` is gone.
        case postDeleted
        /// `first` reacts to the post or comment `second` otherwise (`third` is a `ReactionChange`), at `value` milliseconds.
        case reacted
        /// `first` made the comment `second`.
        case commentCreated
        /// The comment `second` of `first` is gone.
        case commentDeleted
        /// The post or comment `second` of `first` has its body in this record now, changed for the `third` time.
        case bodyChanged
        /// `first` has read the notifications up to `value`.
        case notificationsRead
        /// `first` is pulled or pushed from now on and why (`second`: see `ModeChangeTable.Row`); `third` followers, at `value`
        /// milliseconds.
        case fanoutModeChanged
        /// The reader `first` is away from now on (`second` is 1), or back (0).
        case readerAwayChanged
        /// `first` blocks `second` since `third` (seconds).
        case blocked
        /// `first` blocks `second` no longer.
        case unblocked
        /// `first` mutes `second` until `third` (seconds of log time).
        case muted
        /// `first` mutes `second` no longer.
        case unmuted
        /// The account `first` is private from now on (`second` is 1), or public (0).
        case privacyChanged
        /// `first` asks to follow `second` since `third` (seconds); `value` is a `FollowEventValue`.
        case followRequested
        /// The request of `first` to follow `second`, whose number is `value`, came to nothing.
        case followRequestRemoved
        /// Log time is in second `third` since 1970 now.
        case timeAdvanced
        /// The account `first` has the texts at `second` in the heap (0: they were erased from the log); `value` stands for them in
        /// the digest.
        case accountChanged
        /// The account `first` is gone.
        case accountDeleted
        /// A snapshot begins here: of all pages when `first` is 1, else of those changed since the last one.
        case snapshotCut
        /// Nothing but an advance of the applied position.
        case advanced
    }

    var lsn: UInt64
    var value: UInt64
    var first: UInt32
    var second: UInt32
    var third: UInt32
    var kind: Kind
    /// Whether the record ends here: only then is its lsn applied.
    var endsRecord: Bool
}

/// The recent events of the log: one writer, W workers that follow at their own pace, no lock.
///
/// The writer fills slots ahead and publishes them after the commit, a mark for each commit; it never overwrites a slot
/// or a mark that a worker has not taken. Positions and marks count from the start of the process and never wrap.
final class EventRing: @unchecked Sendable {
    /// One commit: the events before `end` that earlier marks do not cover, and when they were published.
    struct Mark {
        var end: UInt64
        var nanoseconds: UInt64
    }

    /// Slots unless told otherwise. A power of two, larger than the largest command's events.
    static let defaultCapacity = 1 << 17
    /// Slots.
    let capacity: Int
    let markCapacity: Int
    private let mask: UInt64
    private let markMask: UInt64
    private let markReserve: UInt64

    private let slots: UnsafeMutablePointer<Event>
    private let marks: UnsafeMutablePointer<Mark>
    private let publishedMarks = Atomic<UInt64>(0)
    /// Each worker's position; two cache lines each, so that workers do not disturb one another.
    private let taken: UnsafeMutablePointer<WorkerPosition>
    private let workers: Int
    /// Writer only: where the next event goes, and the position up to which room was last seen.
    private(set) var head: UInt64 = 0
    private var knownRoom: UInt64
    private var markHead: UInt64 = 0
    private var publishedHead: UInt64 = 0

    /// `capacity` is a power of two, at least 16.
    init(workers: Int, capacity: Int = EventRing.defaultCapacity) {
        self.workers = workers
        self.capacity = capacity
        markCapacity = capacity / 16
        mask = UInt64(capacity - 1)
        markMask = UInt64(max(markCapacity, 1) - 1)
        markReserve = UInt64(max(markCapacity / 8, 1))
        knownRoom = UInt64(capacity)
        slots = .allocate(capacity: capacity)
        marks = .allocate(capacity: max(markCapacity, 1))
        taken = .allocate(capacity: workers)
        for worker in 0..<workers { (taken + worker).initialize(to: WorkerPosition()) }
    }

    deinit {
        slots.deallocate()
        marks.deallocate()
        taken.deinitialize(count: workers)
        taken.deallocate()
    }

    /// Writer: whether `count` more events, and the mark behind them, fit without overtaking the slowest worker.
    func hasRoom(for count: Int) -> Bool {
        if head &+ UInt64(count) <= knownRoom, markHead % markReserve != 0 { return true }
        var slowest = head
        var slowestMark = markHead
        for worker in 0..<workers {
            slowest = min(slowest, (taken + worker).pointee.events.load(ordering: .acquiring))
            slowestMark = min(slowestMark, (taken + worker).pointee.marks.load(ordering: .acquiring))
        }
        knownRoom = slowest &+ UInt64(capacity)
        // Asked only at each so manieth mark, hence the distance kept.
        let hasMarks = markHead - slowestMark <= UInt64(markCapacity) - markReserve
        return hasMarks && head &+ UInt64(count) <= knownRoom
    }

    /// The position up to which all workers have given events back. Writer only.
    var slowestPosition: UInt64 {
        (0..<workers).reduce(head) { min($0, (taken + $1).pointee.events.load(ordering: .acquiring)) }
    }

    /// Writer: puts one event behind the others, unpublished. `hasRoom` was asked before.
    @inline(__always)
    func append(_ event: Event) {
        precondition(head < knownRoom, "an event was appended without asking for room")
        slots[Int(truncatingIfNeeded: head & mask)] = event
        head &+= 1
    }

    /// Writer: the event appended last is its record's last.
    func endRecord() { slots[Int(truncatingIfNeeded: (head &- 1) & mask)].endsRecord = true }

    /// Writer: whether something was appended that the workers do not have.
    var hasUnpublished: Bool { head != publishedHead }

    /// Writer: lets the workers have everything appended so far.
    func publish(nanoseconds: UInt64) { publish(upTo: head, nanoseconds: nanoseconds) }

    /// Writer: lets the workers have what was appended before position `end`. Without anything new it does nothing, so that a
    /// writer that waits for room does not use up the marks.
    func publish(upTo end: UInt64, nanoseconds: UInt64) {
        if end == publishedHead { return }
        publishedHead = end
        marks[Int(truncatingIfNeeded: markHead & markMask)] = Mark(end: end, nanoseconds: nanoseconds)
        markHead &+= 1
        publishedMarks.store(markHead, ordering: .releasing)
    }

    /// The mark with this number, or nil when it is not published yet. Any thread that has not taken it.
    @inline(__always)
    func mark(_ number: UInt64) -> Mark? {
        guard number < publishedMarks.load(ordering: .acquiring) else { return nil }
        return marks[Int(truncatingIfNeeded: number & markMask)]
    }

    /// The event at a published position that this worker has not given back yet.
    @inline(__always)
    func event(at position: UInt64) -> UnsafePointer<Event> {
        UnsafePointer(slots + Int(truncatingIfNeeded: position & mask))
    }

    /// Worker: gives back all slots before `position` and all marks before `mark`.
    func advance(worker: Int, to position: UInt64, mark: UInt64) {
        (taken + worker).pointee.events.store(position, ordering: .releasing)
        (taken + worker).pointee.marks.store(mark, ordering: .releasing)
    }
}

/// One worker's position, padded to two cache lines (the prefetcher takes lines in pairs).
private struct WorkerPosition: ~Copyable {
    let events = Atomic<UInt64>(0)
    let marks = Atomic<UInt64>(0)
    private let padding: InlineArray<14, UInt64> = .init(repeating: 0)
}
