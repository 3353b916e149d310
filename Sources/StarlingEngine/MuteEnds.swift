import StarlingMemory
import StarlingSets

/// When mutes end: the seconds of log time, soonest first, so that the sequencer knows when time has to go on although
/// nothing is written. It follows from the mutes and is part of no snapshot. An end may stand here that no longer counts.
struct MuteEnds {
    /// A binary min-heap.
    private var seconds: [UInt32] = []

    init() {}

    /// The ends of all mutes that have one.
    init(of relations: RelationSets) {
        for place in 0..<relations.rows.count {
            relations.forEach(.mutes, of: relations.rows.rows[place].user) { mute in
                if mute.value != RelationSets.forever { seconds.append(mute.value) }
                return true
            }
        }
        // An ascending order is a heap.
        seconds.sort()
    }

    /// Notes an end. O(log n).
    mutating func add(_ end: UInt32) {
        seconds.append(end)
        var place = seconds.count - 1
        while place > 0, seconds[(place - 1) / 2] > seconds[place] {
            seconds.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// The soonest end after `second`; drops those before it. Amortised O(log n).
    mutating func next(after second: UInt32) -> UInt32? {
        while let first = seconds.first, first <= second { removeFirst() }
        return seconds.first
    }

    private mutating func removeFirst() {
        let last = seconds.removeLast()
        if seconds.isEmpty { return }
        seconds[0] = last
        var place = 0
        while true {
            var child = place * 2 + 1
            if child >= seconds.count { return }
            if child + 1 < seconds.count, seconds[child + 1] < seconds[child] { child += 1 }
            if seconds[place] <= seconds[child] { return }
            seconds.swapAt(place, child)
            place = child
        }
    }
}
