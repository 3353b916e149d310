/// A byte buffer that doubles when it is full and is reused. Owned by one thread at a time.
struct GrowableBytes: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private(set) var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Where the next byte goes. Valid until the next `reserve`.
    var end: UnsafeMutableRawPointer { base + count }

    func pointer(at offset: Int) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && offset <= count, "a position beyond the end of the buffer")
        return base + offset
    }

    /// Makes room for `extra` bytes at the end.
    mutating func reserve(_ extra: Int) {
        if capacity - count >= extra { return }
        let grown = max(capacity * 2, count + extra)
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
        fresh.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = fresh
        capacity = grown
    }

    /// Counts `written` bytes that were stored at `end`.
    mutating func advance(_ written: Int) {
        precondition(written >= 0 && written <= capacity - count, "more bytes stored than were reserved")
        count += written
    }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        reserve(source.count)
        if let start = source.baseAddress { end.copyMemory(from: start, byteCount: source.count) }
        count += source.count
    }

    mutating func removeAll() { count = 0 }
}
