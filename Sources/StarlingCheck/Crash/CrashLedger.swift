import Synchronization

/// What clients were told, and what they were not, since the last time that the log was looked at.
final class CrashLedger: Sendable {
    struct Entries: Sendable {
        var acknowledged: [(write: CheckedWrite, answer: CheckedWrite.Acknowledgement)] = []
        /// Answered when the power had begun to go: a real machine would not have lived to answer.
        var late: [(write: CheckedWrite, answer: CheckedWrite.Acknowledgement)] = []
        /// No answer, or one that leaves it open.
        var unknown: [CheckedWrite] = []
        /// The answer said that nothing was done.
        var refused: [(write: CheckedWrite, code: String)] = []
        var isLate = false
        /// Posts that somebody has read.
        var seen = Set<UInt64>()
        /// Pages that were read under load, each checked for its order.
        var pages = 0
        /// Readers who stopped in the middle of a feed.
        var cursors: [FeedCursor] = []
        /// What no reader may see, even for a moment.
        var violation: Violation?
    }

    private let entries = Mutex(Entries())

    func add(_ write: CheckedWrite, _ result: Result<CheckedWrite.Acknowledgement, DoorFailure>) {
        entries.withLock { entries in
            switch result {
            case .success(let answer) where entries.isLate: entries.late.append((write, answer))
            case .success(let answer): entries.acknowledged.append((write, answer))
            case .failure(.refused(_, let code, _)): entries.refused.append((write, code))
            case .failure(.unknown), .failure(.lost): entries.unknown.append(write)
            }
        }
    }

    /// Where a reader goes on after a crash.
    struct FeedCursor: Sendable {
        var reader: UInt64
        var cursor: String
        /// The last post of the page that it came with.
        var last: UInt64
    }

    private static let keptCursors = 16

    /// Notes a page of a feed that was read while others wrote, and the cursor that came with it.
    func add(page: [UInt64], of reader: UInt64, cursor: String) {
        entries.withLock { entries in
            entries.pages += 1
            if !entries.isLate {
                entries.seen.formUnion(page)
                if let last = page.last, !cursor.isEmpty {
                    entries.cursors.append(FeedCursor(reader: reader, cursor: cursor, last: last))
                    // The latest: those are the ones that a crash may hurt.
                    if entries.cursors.count > Self.keptCursors { entries.cursors.removeFirst() }
                }
            }
            if !zip(page, page.dropFirst()).allSatisfy({ $0 > $1 }) {
                entries.violation = Violation("a page of user \(reader)'s feed is not in order: \(page)")
            }
        }
    }

    /// What comes from now on comes from a machine whose power is going. `fdatasync` of ext4 and of xfs, when it runs
    /// beside the shutdown of its file system, returns 0 now and then for data that is lost; what it returned 0 for
    /// before the shutdown began is kept.
    func powerGoes() { entries.withLock { $0.isLate = true } }

    var acknowledgedCount: Int { entries.withLock { $0.acknowledged.count } }

    func refusedCount(code: String) -> Int { entries.withLock { entries in entries.refused.count { $0.code == code } } }

    /// Hands out everything and begins anew.
    func take() -> Entries {
        entries.withLock { entries in
            defer { entries = Entries() }
            return entries
        }
    }
}
