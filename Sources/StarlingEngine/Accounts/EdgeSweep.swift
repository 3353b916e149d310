import StarlingMemory
import Synchronization

/// Removes the edges, requests, blocks and mutes of deleted accounts, some hundred at a time, so that the counts of those at the other
/// end become true. Reads leave deleted accounts out from the first moment on; only counts wait for this.
///
/// What is to be done follows from the state, so a sweep that a restart interrupted begins again. `step` belongs to one thread.
final class EdgeSweep: Sendable {
    /// Finds edges and removes them: what the engine gives a sweep to work with.
    struct Hands: Sendable {
        /// The next edges of an account, as follower and followee.
        var edges: @Sendable (UserIndex, @escaping @Sendable (Result<[AccountEdge], EngineError>) -> Void) -> Void
        var remove: @Sendable ([AccountEdge], @escaping @Sendable (Result<WriteReceipt, EngineError>) -> Void) -> Void
        var now: @Sendable () -> UInt64
    }

    private struct State {
        var isBusy = false
        var swept = Set<UserIndex>()
        /// After a refusal, in monotonic nanoseconds.
        var notBefore: UInt64 = 0
    }

    private let list: ErasureList
    private let state = Mutex(State())

    private static let pauseNanoseconds: UInt64 = 1_000_000_000

    init(_ list: ErasureList) { self.list = list }

    /// Whether an account that was deleted has no edges any more. Any thread.
    func isDone(_ user: UserIndex) -> Bool { state.withLock { $0.swept.contains(user) } }

    /// Begins with the next piece, unless one is in progress. Returns whether it did.
    func step(_ hands: Hands) -> Bool {
        let user = state.withLock { state -> UserIndex? in
            guard !state.isBusy, hands.now() >= state.notBefore else { return nil }
            for place in list.pending {
                if case .posts(let user) = list.table.rows[place].item, !state.swept.contains(user) {
                    state.isBusy = true
                    return user
                }
            }
            return nil
        }
        guard let user else { return false }
        hands.edges(user) { [self] result in
            switch result {
            case .failure: rest(hands.now())
            case .success(let edges) where edges.isEmpty:
                state.withLock { state in
                    state.swept.insert(user)
                    state.isBusy = false
                }
            case .success(let edges):
                hands.remove(edges) { [self] result in
                    if case .failure = result { return rest(hands.now()) }
                    state.withLock { $0.isBusy = false }
                }
            }
        }
        return true
    }

    private func rest(_ now: UInt64) {
        state.withLock { state in
            state.isBusy = false
            state.notBefore = now &+ Self.pauseNanoseconds
        }
    }
}

/// Two accounts of which one has to do with the other.
public struct AccountEdge: Sendable, Equatable {
    /// Who follows, asks to, blocks or mutes.
    public var follower: UserID
    /// Whom.
    public var followee: UserID
}
