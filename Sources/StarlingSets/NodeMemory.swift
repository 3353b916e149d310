import StarlingMemory

/// Where the parts of a large set's nodes lie.
///
/// A node is named by the unit at which its entries begin; what belongs to it lies below, so that one small step from
/// the reference reaches the links, the header and the first keys, often in one cache line:
///
///     ... | link 2 | link 1 | link 0 | header (16 bytes) | entries ...
///                                                        ^ reference
///
/// A leaf is 512 bytes in all. The head node is a block of its own with links and a header, but no entries: with it in
/// front, neither the first leaf nor a search is a special case. The header's `next` chains the leaves; link i leads to
/// the next node that has more than i links.
///
/// What is handed out for reading cannot be written through; the `writable` accessors tell the arena's barrier first.
@frozen @usableFromInline
struct NodeMemory<Entry: SortedSetEntry>: BitwiseCopyable {
    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline let barrier: WriteBarrier

    @inlinable @inline(__always)
    init(base: UnsafeRawPointer, barrier: WriteBarrier) {
        self.base = base
        self.barrier = barrier
    }

    /// Entries of a leaf, or of the block of a small set.
    @inlinable @inline(__always)
    func entries(_ reference: UInt32) -> UnsafePointer<Entry> {
        (base + Int(reference) &* 16).assumingMemoryBound(to: Entry.self)
    }

    /// The entries at `places` (at least one) of a leaf or a small set's block, about to change. Returns the first of them.
    @inlinable @inline(__always)
    func writableEntries(_ reference: UInt32, _ places: Range<Int>) -> UnsafeMutablePointer<Entry> {
        writable(entries(reference) + places.lowerBound, places.upperBound &- places.lowerBound)
    }

    /// `count` (at least 1) entries of one block, about to change.
    @inlinable @inline(__always)
    func writable(_ entries: UnsafePointer<Entry>, _ count: Int) -> UnsafeMutablePointer<Entry> {
        barrier.willWrite(entries, byteCount: count &* MemoryLayout<Entry>.stride)
        return UnsafeMutablePointer(mutating: entries)
    }

    /// One entry, about to change.
    @inlinable @inline(__always)
    func writable(_ entry: UnsafePointer<Entry>) -> UnsafeMutablePointer<Entry> {
        // A block begins at a multiple of 16, so entries of 4 and 8 bytes never lie across two pages.
        guard 16 % MemoryLayout<Entry>.stride == 0 else { return writable(entry, 1) }
        barrier.willWrite(entry)
        return UnsafeMutablePointer(mutating: entry)
    }

    @inlinable @inline(__always)
    func header(_ node: UInt32) -> UnsafePointer<NodeHeader> {
        (base + (Int(node) &* 16 &- 16)).assumingMemoryBound(to: NodeHeader.self)
    }

    /// A header, about to change. It is one unit, so it lies in one page.
    @inlinable @inline(__always)
    func writableHeader(_ node: UInt32) -> UnsafeMutablePointer<NodeHeader> {
        let header = header(node)
        barrier.willWrite(header)
        return UnsafeMutablePointer(mutating: header)
    }

    @inlinable @inline(__always)
    func link(_ node: UInt32, _ level: Int) -> UnsafePointer<TowerLink> {
        (base + (Int(node) &* 16 &- 24 &- 8 &* level)).assumingMemoryBound(to: TowerLink.self)
    }

    /// A link, about to change. It is half a unit, so it lies in one page.
    @inlinable @inline(__always)
    func writableLink(_ node: UInt32, _ level: Int) -> UnsafeMutablePointer<TowerLink> {
        let link = link(node, level)
        barrier.willWrite(link)
        return UnsafeMutablePointer(mutating: link)
    }

    @inlinable @inline(__always)
    func firstKey(_ leaf: UInt32) -> Entry.Key { entries(leaf).pointee.key }

    /// Number of entries in a leaf of `set`. The tail's header is not kept up to date by appends.
    @inlinable @inline(__always)
    func count(_ leaf: UInt32, in set: UnsafePointer<SortedSet>) -> Int {
        leaf == set.pointee.tail ? Int(set.pointee.tailCount) : Int(header(leaf).pointee.count)
    }
}

@frozen @usableFromInline
struct NodeHeader: BitwiseCopyable {
    /// The leaf behind this one; 0 at the tail.
    @usableFromInline var next: UInt32
    /// The leaf before this one; the head node at the first.
    @usableFromInline var previous: UInt32
    /// Entries in the leaf; 0 marks the head node. Of the tail, `SortedSet.tailCount` is the truth.
    @usableFromInline var count: UInt32
    /// Number of links.
    @usableFromInline var level: UInt8
    /// Entries that fit.
    @usableFromInline var capacity: UInt8
    @usableFromInline var unused: UInt16

    @inlinable @inline(__always)
    init(next: UInt32, previous: UInt32, level: Int, capacity: Int) {
        self.next = next
        self.previous = previous
        count = 0
        self.level = UInt8(truncatingIfNeeded: level)
        self.capacity = UInt8(truncatingIfNeeded: capacity)
        unused = 0
    }
}

@frozen @usableFromInline
struct TowerLink: BitwiseCopyable {
    /// The next node with a link of this level; 0 when there is none.
    @usableFromInline var next: UInt32
    /// Entries from this node's first up to `next`'s first; 0 when there is no `next`.
    @usableFromInline var span: UInt32

    @inlinable @inline(__always)
    init(next: UInt32, span: UInt32) {
        self.next = next
        self.span = span
    }
}

/// What a descent through the towers leaves behind: for each level the last node at or before the place that was sought.
@usableFromInline
struct TowerPath {
    @usableFromInline var nodes: InlineArray<14, UInt32>
    /// Number of entries before the first entry of each of `nodes`.
    @usableFromInline var ranks: InlineArray<14, UInt32>
    /// The leaf at the end of the descent; the head node when the place lies before the first leaf.
    @usableFromInline var leaf: UInt32
    /// Number of entries before the first entry of `leaf`.
    @usableFromInline var rank: UInt32

    /// A path that is at the head node on every level.
    @inlinable
    init(head: UInt32) {
        nodes = InlineArray(repeating: head)
        ranks = InlineArray(repeating: 0)
        leaf = head
        rank = 0
    }
}
