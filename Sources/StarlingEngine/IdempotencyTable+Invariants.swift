import StarlingMemory

extension IdempotencyTable {
    /// Checks the chains against each other and the arena; returns what is wrong, or nil. For tests. Cost: a visit to
    /// each entry.
    func brokenInvariant() -> String? {
        if let wrong = arena.brokenInvariant() { return wrong }
        var current: Set<UInt32> = []
        var cellCount = 0
        var last: UInt32 = 0
        var head = root.rows.pointee.front
        while head != 0 {
            guard isCell(head) else { return "entry \(head) of the order is not a cell" }
            let entry = cell(head).pointee
            cellCount += Self.cells(payloadBytes: entry.payloadBytes)
            if cellCount * Self.cellBytes > arena.bytesInUse { return "the order is longer than the arena" }
            if entry.isSuperseded == 0 { current.insert(head) }
            last = head
            head = entry.nextInOrder
        }
        if root.rows.pointee.back != last { return "the order does not end where the root says" }
        if cellCount * Self.cellBytes != arena.bytesInUse { return "cells are in use that no entry has" }
        if current.count != count { return "\(current.count) entries, but the root counts \(count)" }
        return brokenBucket(current)
    }

    private func brokenBucket(_ current: Set<UInt32>) -> String? {
        if Int(root.rows.pointee.bucketCount) != buckets.count { return "the table of buckets has another size" }
        var found = 0
        for number in 0..<buckets.count {
            var head = target(of: .bucket(number))
            while head != 0 {
                guard current.contains(head) else { return "bucket \(number) holds entry \(head), which is none" }
                if bucket(of: cell(head).pointee.hash) != number { return "entry \(head) is in another's bucket" }
                found += 1
                if found > current.count { return "buckets hold entries twice" }
                head = cell(head).pointee.nextInBucket
            }
        }
        return found == current.count ? nil : "\(current.count - found) entries are in no bucket"
    }
}
