/// A binary max-heap of post ordinals: the heads of the chains that are being merged. A chain needs no more state than its
/// head, because each post names the one before it. Keeps its memory between reads.
struct ChainHeap {
    private var heads: [PostOrdinal] = []

    /// The newest head, or 0 when all chains are used up.
    var top: PostOrdinal { heads.first ?? 0 }

    mutating func removeAll() { heads.removeAll(keepingCapacity: true) }

    /// Adds a chain without restoring the order; `heapify` follows.
    mutating func append(_ head: PostOrdinal) { heads.append(head) }

    /// Restores the order after `append`s. O(n).
    mutating func heapify() {
        var index = heads.count / 2
        while index > 0 {
            index -= 1
            sink(index)
        }
    }

    /// Replaces the newest head by the next of its chain, 0 for the end. O(log n).
    mutating func replaceTop(with next: PostOrdinal) {
        if next != 0 {
            heads[0] = next
        } else {
            let last = heads.removeLast()
            if heads.isEmpty { return }
            heads[0] = last
        }
        sink(0)
    }

    private mutating func sink(_ start: Int) {
        var index = start
        let head = heads[index]
        while true {
            var child = index * 2 + 1
            if child >= heads.count { break }
            if child + 1 < heads.count, heads[child + 1] > heads[child] { child += 1 }
            if heads[child] <= head { break }
            heads[index] = heads[child]
            index = child
        }
        heads[index] = head
    }
}
