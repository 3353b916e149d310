import StarlingLog
import StarlingSystem
import Synchronization

/// Syncs a round of the writer while that does something else. With a thread of its own (`run`), or without one: then the sync is
/// made when the writer waits for it, so that a test sees the same order of things every time.
final class RoundSyncer: Sendable {
    private struct State {
        var sync: BackgroundSync?
        var isDone = false
        var failure: DiskError?
    }

    private let state = Mutex(State())
    private let parker = Parker()
    private let writer: Parker
    private let hasThread: Bool
    private let isStopping = Atomic<Bool>(false)

    /// `writer` is what the writer's thread sleeps on.
    init(writer: Parker, hasThread: Bool) {
        self.writer = writer
        self.hasThread = hasThread
    }

    /// Begins a sync; the one before it was waited for.
    func start(_ sync: BackgroundSync) {
        state.withLock { $0 = State(sync: sync) }
        if hasThread { parker.wake() }
    }

    /// Waits until the sync has ended. Returns why it failed, or nil.
    func wait() -> DiskError? {
        if !hasThread { syncNow() }
        while true {
            let (isDone, failure) = state.withLock { ($0.isDone, $0.failure) }
            if isDone { return failure }
            // A wake-up may be for something that was submitted.
            writer.park(milliseconds: 50)
        }
    }

    private func syncNow() {
        guard let sync = state.withLock({ $0.isDone ? nil : $0.sync }) else { return }
        let failure = sync.run()
        state.withLock { $0 = State(isDone: true, failure: failure) }
    }

    /// The thread, until `stop`.
    func run() {
        SystemThread.preferShortTurns()
        while !isStopping.load(ordering: .acquiring) {
            syncNow()
            writer.wake()
            parker.park(milliseconds: 1_000)
        }
    }

    /// Ends `run`. Nobody waits for a sync any more.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        parker.wake()
    }
}
