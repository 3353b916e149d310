/// Self-checks and figures, for tests and tools.
extension SortedSetArena {
    /// Checks order, counts, chains, towers and forms of one set; returns what is wrong, or nil. O(n).
    public func brokenInvariant(of set: UnsafePointer<SortedSet>) -> String? {
        let header = set.pointee
        guard header.isLarge else { return brokenPacked(set) }
        let head = memory.header(header.head).pointee
        if head.count != 0 || head.capacity != 0 { return "the head node has entries" }
        var places: [UInt32: Int] = [:]
        var before = header.head
        var leaf = head.next
        var rank = 0
        while leaf != 0 {
            let node = memory.header(leaf).pointee
            let count = memory.count(leaf, in: set)
            if node.previous != before { return "leaf \(leaf) has a wrong previous" }
            if count == 0 || count > Int(node.capacity) { return "leaf \(leaf) has \(count) entries" }
            if node.level > head.level { return "leaf \(leaf) is higher than the head node" }
            let room = (Self.leafBytes - 16 - 16 * Self.linkUnits(Int(node.level))) / MemoryLayout<Entry>.stride
            if Int(node.capacity) != room { return "leaf \(leaf) has a wrong capacity" }
            if before != header.head,
                memory.entries(before)[Int(memory.header(before).pointee.count) - 1].key
                    >= memory.firstKey(leaf)
            {
                return "leaf \(leaf) begins below the end of the one before"
            }
            if let wrong = brokenOrder(memory.entries(leaf), count) { return "leaf \(leaf): \(wrong)" }
            places[leaf] = rank
            rank += count
            before = leaf
            leaf = node.next
        }
        if before != header.tail { return "the chain ends at \(before), not at the tail" }
        if header.tailCapacity != memory.header(before).pointee.capacity { return "the tail's capacity is wrong" }
        if rank != Int(header.total) { return "\(rank) entries, the header says \(header.total)" }
        return brokenTowers(set, places)
    }

    private func brokenPacked(_ set: UnsafePointer<SortedSet>) -> String? {
        let header = set.pointee
        if header.isInline {
            if Int(header.tailCount) > Self.inlineCapacity { return "\(header.tailCount) entries in the header" }
        } else {
            if header.tailCount == 0 || header.tailCount > header.tailCapacity {
                return "a block that is empty or overfull"
            }
            if header.total != UInt32(header.tailCount) { return "two counts" }
            let capacity = Int(header.blockUnits) * 16 / MemoryLayout<Entry>.stride
            if Int(header.tailCapacity) != capacity { return "a capacity that does not fit the block" }
        }
        return brokenOrder(packedEntries(set), Int(header.tailCount))
    }

    private func brokenOrder(_ entries: UnsafePointer<Entry>, _ count: Int) -> String? {
        for index in 1..<max(count, 1) where entries[index - 1].key >= entries[index].key {
            return "entries \(index - 1) and \(index) are out of order"
        }
        return nil
    }

    /// `places` gives for each leaf the number of entries before it.
    private func brokenTowers(_ set: UnsafePointer<SortedSet>, _ places: [UInt32: Int]) -> String? {
        let head = set.pointee.head
        for level in 0..<Int(memory.header(head).pointee.level) {
            var expected: [UInt32] = []
            var leaf = memory.header(head).pointee.next
            while leaf != 0 {
                if Int(memory.header(leaf).pointee.level) > level { expected.append(leaf) }
                leaf = memory.header(leaf).pointee.next
            }
            var node = head
            for next in expected + [0] {
                let link = memory.link(node, level).pointee
                if link.next != next { return "level \(level) of node \(node) leads to \(link.next), not to \(next)" }
                let span = next == 0 ? 0 : (places[next] ?? 0) - (places[node] ?? 0)
                if Int(link.span) != span { return "level \(level) of node \(node) spans \(link.span), not \(span)" }
                node = next
            }
        }
        return nil
    }

    /// How many leaves a set has; 0 when it is not large.
    public func leafCount(of set: UnsafePointer<SortedSet>) -> Int {
        guard set.pointee.isLarge else { return 0 }
        var leaf = memory.header(set.pointee.head).pointee.next
        var count = 0
        while leaf != 0 {
            count += 1
            leaf = memory.header(leaf).pointee.next
        }
        return count
    }

    /// How many nodes a search for `key` looks at: the measure of what a search costs in cache misses.
    public func searchSteps(to key: Entry.Key, in set: UnsafePointer<SortedSet>) -> Int {
        guard set.pointee.isLarge else { return 1 }
        var node = set.pointee.head
        var steps = 1
        for level in (-1..<Int(memory.header(node).pointee.level)).reversed() {
            while true {
                let next = level < 0 ? memory.header(node).pointee.next : memory.link(node, level).pointee.next
                guard next != 0 else { break }
                steps += 1
                guard memory.firstKey(next) <= key else { break }
                node = next
            }
        }
        return steps
    }
}
