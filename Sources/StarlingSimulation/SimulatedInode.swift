import StarlingSystem

/// The content of one file: as programs see it, and as the platters hold it.
struct SimulatedInode {
    static let sectorBytes = 512

    private(set) var current: [UInt8] = []
    private(set) var durable: [UInt8] = []
    /// Sectors where the two may differ.
    private var dirty: Set<Int> = []
    /// Sectors that a failed sync gave up on: later syncs report success and do not write them.
    private var abandoned: Set<Int> = []

    var isSynced: Bool { dirty.isEmpty && current.count == durable.count }

    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        if bytes.isEmpty { return }
        let end = offset + bytes.count
        if end > current.count { current.append(contentsOf: repeatElement(0, count: end - current.count)) }
        current.withUnsafeMutableBytes { target in
            UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyMemory(from: bytes)
        }
        for sector in (offset / Self.sectorBytes)...((end - 1) / Self.sectorBytes) {
            dirty.insert(sector)
            abandoned.remove(sector)
        }
    }

    mutating func resize(to size: Int) {
        if size < current.count {
            let end = max(current.count, durable.count)
            for sector in (size / Self.sectorBytes)...((end - 1) / Self.sectorBytes) { dirty.insert(sector) }
            current.removeLast(current.count - size)
        } else {
            current += [UInt8](repeating: 0, count: size - current.count)
        }
    }

    mutating func sync() {
        if durable.count > current.count { durable.removeLast(durable.count - current.count) }
        durable += [UInt8](repeating: 0, count: current.count - durable.count)
        for sector in dirty.sorted() where !abandoned.contains(sector) {
            let start = sector * Self.sectorBytes
            let end = min(start + Self.sectorBytes, current.count)
            if start < end { durable.replaceSubrange(start..<end, with: current[start..<end]) }
        }
        dirty = abandoned
    }

    /// A sync that failed: the kernel has marked the pages clean, and what they held is not on the disk.
    mutating func abandonSync() { abandoned.formUnion(dirty) }

    /// The kernel lets go of clean pages, and takes those that a failed sync gave up on for clean: they are read from the
    /// platters again.
    mutating func dropCache() {
        for sector in abandoned.sorted() {
            let start = sector * Self.sectorBytes
            for index in start..<max(start, min(start + Self.sectorBytes, current.count)) {
                current[index] = index < durable.count ? durable[index] : 0
            }
        }
        dirty.subtract(abandoned)
        abandoned = []
    }

    /// Changes what is stored, behind the back of every program.
    mutating func damage(_ change: (inout [UInt8]) -> Void) {
        change(&current)
        change(&durable)
    }

    mutating func crash(_ mode: CrashMode, random: inout SeededRandom) {
        switch mode {
        case .loseUnsynced: current = durable
        case .keepUnsynced: break
        case .randomSectors: current = survivors(random: &random)
        }
        durable = current
        dirty = []
        abandoned = []
    }

    private func survivors(random: inout SeededRandom) -> [UInt8] {
        let size: Int =
            switch random.next() % 3 {
            case 0: durable.count
            case 1: current.count
            default: durable.count + Int(random.next() % UInt64(max(1, current.count - durable.count + 1)))
            }
        var result = Array(durable.prefix(size))
        result.append(contentsOf: repeatElement(0, count: size - result.count))
        for sector in dirty.sorted() {
            let choice = random.next() % 10
            if choice < 4 { continue }
            let start = sector * Self.sectorBytes
            for index in start..<min(max(start, size), start + Self.sectorBytes) {
                let fresh = index < current.count ? current[index] : 0
                if choice < 8 {
                    result[index] = fresh
                } else if result[index] != fresh {
                    result[index] = choice == 8 ? 0 : UInt8(truncatingIfNeeded: random.next())
                }
            }
        }
        return result
    }
}
