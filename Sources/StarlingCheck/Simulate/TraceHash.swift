import StarlingEngine
import StarlingSystem

/// A running hash of everything that a run has seen, to tell whether two runs of one seed were the same.
struct TraceHash {
    private(set) var value: UInt64 = 0

    mutating func add(_ number: UInt64) { value = Murmur3.mix(value &* 31 &+ number &+ 1) }

    mutating func add(_ text: String) {
        for byte in text.utf8 { value = value &* 0x0000_0100_0000_01b3 ^ UInt64(byte) }
        value = Murmur3.mix(value)
    }
}

extension TraceHash {
    mutating func add(_ outcome: CommandOutcome) {
        switch outcome {
        case .follow(let edge): add(edge)
        case .follows(let rows): for row in rows { add(row) { hash, edge in hash.add(edge) } }
        case .post(let id), .heldPost(let id, _): add(id.rawValue)
        case .moderationRules(let rules): add(rules.version)
        case .posts(let rows): for row in rows { add(row) { hash, id in hash.add(id.rawValue) } }
        case .batch: add(outcome.rowByRow)
        case .deleted(let changed): add(changed ? 3 : 2)
        case .comment(let id): add(id.rawValue)
        case .changed(let changed): add(changed ? 5 : 4)
        case .account(let id): add(id.rawValue)
        case .found(let account): add(account?.id.rawValue ?? 0)
        case .session(let outcome): add("\(outcome)")
        case .done: add(1)
        }
    }

    private mutating func add(_ edge: FollowOutcome) { add(UInt64(edge.state.rawValue) * 2 + (edge.changed ? 1 : 0)) }

    private mutating func add<Value>(
        _ row: Result<Value, EngineError>, _ note: (inout TraceHash, Value) -> Void
    ) {
        switch row {
        case .success(let value): note(&self, value)
        case .failure(let error): add("\(error)")
        }
    }
}
