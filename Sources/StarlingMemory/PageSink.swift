import Glibc
import StarlingSystem
import Synchronization

/// A piece of a snapshot on its way to the disk: up to 64 pages and their names.
public final class PageChunk: @unchecked Sendable {
    /// Pages that fit.
    public static let capacity = 64
    /// The pages, one behind the other.
    public let bytes: UnsafeMutableRawPointer
    /// The names of the pages.
    public let ids: UnsafeMutablePointer<PageID>
    /// Pages in the chunk.
    public fileprivate(set) var count = 0

    /// Touched all at once: one call, not a fault for each page while reads wait.
    init() {
        bytes = .allocate(byteCount: Self.capacity * PageID.byteCount, alignment: PageID.byteCount)
        ids = .allocate(capacity: Self.capacity)
        // A kernel before 5.14 refuses, and then each page is touched when it is written.
        _ = madvise(bytes, Self.capacity * PageID.byteCount, MADV_POPULATE_WRITE)
    }

    deinit {
        bytes.deallocate()
        ids.deallocate()
    }

    /// The bytes of the pages in the chunk.
    public var contents: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes, count: count * PageID.byteCount)
    }
}

/// Takes copies of pages from the owner of some regions and hands them, chunk by chunk, to the thread that writes them.
public final class PageSink: @unchecked Sendable {
    private struct Shared {
        var full: [PageChunk] = []
        var idle: [PageChunk] = []
    }

    private let shared = Mutex(Shared())
    private let waiting = Atomic<Int>(0)
    /// Owner only: the chunk that is being filled.
    private var open: PageChunk?
    /// Owner only: pages that were copied so far.
    public private(set) var copied: UInt64 = 0
    private let onChunk: @Sendable () -> Void
    private let pageLimit: Int

    /// Chunks that are kept, so that memory is taken from the system seldom: 4 MiB.
    private static let idleLimit = 16

    /// - Parameters:
    ///   - byteLimit: copies that may wait before the owner should pause (`isFull`).
    ///   - onChunk: called on the owner's thread when there is a chunk to take.
    public init(byteLimit: Int, onChunk: @escaping @Sendable () -> Void) {
        pageLimit = max(byteLimit / PageID.byteCount, 1)
        self.onChunk = onChunk
    }

    /// Whether so many copies wait that the owner should change nothing until some are written. Any thread.
    public var isFull: Bool { waiting.load(ordering: .relaxed) >= pageLimit }

    /// Whether copies that are not urgent should wait, because more of them than are kept in memory anyway are not written
    /// yet. Any thread.
    public var isBehind: Bool {
        waiting.load(ordering: .relaxed) >= min(pageLimit, Self.idleLimit * PageChunk.capacity)
    }

    /// Owner: copies one page.
    func append(_ id: PageID, _ page: UnsafeRawPointer) {
        let chunk = open ?? takeIdle()
        (chunk.bytes + chunk.count * PageID.byteCount).copyMemory(from: page, byteCount: PageID.byteCount)
        chunk.ids[chunk.count] = id
        chunk.count += 1
        copied += 1
        open = chunk
        waiting.wrappingAdd(1, ordering: .relaxed)
        if chunk.count == PageChunk.capacity { flush() }
    }

    /// Owner: hands over what is there, also when it is less than a chunk.
    public func flush() {
        guard let chunk = open else { return }
        open = nil
        shared.withLock { $0.full.append(chunk) }
        onChunk()
    }

    private func takeIdle() -> PageChunk { shared.withLock { $0.idle.popLast() } ?? PageChunk() }

    /// Writer: the chunks that are there, oldest first.
    public func take() -> [PageChunk] {
        shared.withLock { shared in
            defer { shared.full = [] }
            return shared.full
        }
    }

    /// Writer: a chunk is written.
    public func giveBack(_ chunk: PageChunk) {
        waiting.wrappingSubtract(chunk.count, ordering: .relaxed)
        chunk.count = 0
        shared.withLock { if $0.idle.count < Self.idleLimit { $0.idle.append(chunk) } }
    }
}
