import StarlingSystem
import Synchronization

/// After how long without a read a reader is away. Any thread.
final class AwayPolicy: Sendable {
    private let value: Atomic<UInt32>

    init(seconds: UInt32) { value = Atomic(seconds) }

    /// 0 for never.
    var seconds: UInt32 {
        get { value.load(ordering: .relaxed) }
        set { value.store(newValue, ordering: .relaxed) }
    }
}

/// How workers tell the sequencer of readers who went away or came back: as commands like any other, so that the log decides
/// when. What the sequencer has no room for is dropped: it is said again.
final class AwayReports: Sendable {
    let policy: AwayPolicy
    private let submit = Mutex<(@Sendable (Command) -> Void)?>(nil)

    init(policy: AwayPolicy) { self.policy = policy }

    /// From now on reports go to `submit`; before, the log is replayed and they are dropped.
    func begin(_ submit: @escaping @Sendable (Command) -> Void) { self.submit.withLock { $0 = submit } }

    /// Any thread.
    func report(_ users: [UserID], away: Bool) {
        // Where nobody goes away by himself, nobody comes back by himself.
        if policy.seconds > 0 { submit.withLock { $0 }?(.setReadersAway(users, away)) }
    }
}

/// Looks through a worker's readers for those who have not read for long, a piece at a time. Owned by the worker's thread.
struct AwaySweep {
    private var next = 0
    private var notBefore: UInt64 = 0

    private static let readersAtOnce = 16_384
    private static let reportedAtOnce = 1_000
    private static let pauseNanoseconds: UInt64 = 100_000_000
    /// Between two rounds.
    private static let restNanoseconds: UInt64 = 1_000_000_000

    /// One piece, when it is time for one.
    mutating func step(_ worker: Worker, _ reports: AwayReports) {
        let seconds = reports.policy.seconds
        guard seconds > 0 else { return }
        let now = worker.time.monotonicNanoseconds()
        guard now >= notBefore else { return }
        let piece = worker.absentReaders(
            from: next, lookLimit: Self.readersAtOnce, limit: Self.reportedAtOnce, after: seconds)
        let isEnd = piece.next >= worker.readerCount
        next = isEnd ? 0 : piece.next
        notBefore = now &+ (isEnd ? Self.restNanoseconds : Self.pauseNanoseconds)
        if !piece.users.isEmpty { reports.report(piece.users, away: true) }
    }
}
