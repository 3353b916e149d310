import StarlingLog
import StarlingSystem
import Synchronization

/// What re-reading the log in the background has found.
public struct ScrubStatistics: Sendable, Equatable {
    /// Bytes read and found whole.
    public var bytes: UInt64 = 0
    /// Times that all sealed segments were read.
    public var rounds: UInt64 = 0
    /// Segments that are damaged or cannot be read, each time that it was met.
    public var errors: UInt64 = 0
    /// Index files that were made again.
    public var rebuiltIndexes: UInt64 = 0
    /// The last damage, in words, or nil.
    public var lastError: String?
}

/// Re-reads the sealed segments of the log at a bounded rate, round after round, so that rot in cold data is known while a
/// backup still has what it spoilt. `step` belongs to one thread.
final class BackgroundScrub: @unchecked Sendable {
    private let scrubber: LogScrubber
    private let bytesPerSecond: UInt64
    private let pauseNanoseconds: UInt64
    private let notify: @Sendable (EngineNotice) -> Void
    private let shared = Mutex(ScrubStatistics())
    /// When as much as was read may have been read.
    private var notBefore: UInt64 = 0

    private static let pieceBytes = 256 << 10

    init(
        log: Log, bytesPerSecond: UInt64, pauseMilliseconds: UInt64, notify: @escaping @Sendable (EngineNotice) -> Void
    ) {
        scrubber = LogScrubber(log: log)
        self.bytesPerSecond = max(bytesPerSecond, 1)
        pauseNanoseconds = pauseMilliseconds &* 1_000_000
        self.notify = notify
    }

    /// What was found so far. Any thread.
    var statistics: ScrubStatistics { shared.withLock { $0 } }

    /// Reads a piece when the rate allows it. `now` in monotonic nanoseconds.
    func step(now: UInt64) {
        guard now >= notBefore else { return }
        switch scrubber.step(maximumBytes: Self.pieceBytes) {
        case .progress(let bytes):
            shared.withLock { $0.bytes += UInt64(bytes) }
            notBefore = now &+ UInt64(bytes) &* 1_000_000_000 / bytesPerSecond
        case .indexRebuilt(let name):
            shared.withLock { $0.rebuiltIndexes += 1 }
            notify(EngineNotice(.warning, "scrub: \(name) was missing or wrong and was made again"))
        case .damaged(let damage): note("\(damage)")
        case .unreadable(let error): note("\(error)")
        case .finished:
            shared.withLock { $0.rounds += 1 }
            notBefore = now &+ pauseNanoseconds
        }
    }

    private func note(_ error: String) {
        shared.withLock { statistics in
            statistics.errors += 1
            statistics.lastError = error
        }
        notify(EngineNotice(.error, "scrub: \(error); restore a backup, or see starling salvage"))
    }
}
