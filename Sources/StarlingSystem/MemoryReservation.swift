import CStarling
import Glibc

/// A private, anonymous range of virtual addresses, reserved once. Its base never moves. The kernel hands out zeroed
/// pages when they are first touched, so a large range costs nothing until it is used. Returned to the kernel when the
/// value goes.
public struct MemoryReservation: ~Copyable {
    /// The first byte; aligned to 2 MiB, the size of a huge page, where those were asked for, else to a page.
    public let base: UnsafeMutableRawPointer
    /// Usable bytes from `base`.
    public let byteCount: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappingBytes: Int

    private static let hugePageBytes = 2 << 20

    /// Reserves `byteCount` bytes (at least 1). For the first `hugePageBytes` the kernel is asked for 2 MiB pages, which
    /// doubles the speed of random access to gigabytes, and makes each touched place cost at least 2 MiB; a kernel that
    /// refuses leaves small pages.
    ///
    /// Throws when the address space or the overcommit limit (`vm.overcommit_memory = 2`) does not allow the range.
    public init(byteCount: Int, hugePageBytes: Int) throws(MemoryReservationError) {
        // Only huge pages need the alignment; what is small is mapped as it is, in one call.
        let wantsHugePages = hugePageBytes > 0
        let (padded, overflow) = byteCount.addingReportingOverflow(wantsHugePages ? Self.hugePageBytes : 0)
        guard byteCount > 0, !overflow else { throw MemoryReservationError(byteCount: byteCount, code: EINVAL) }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let mapping = mmap(nil, padded, PROT_READ | PROT_WRITE, flags, -1, 0), mapping != MAP_FAILED else {
            throw MemoryReservationError(byteCount: byteCount, code: errno)
        }
        self.mapping = mapping
        mappingBytes = padded
        base = wantsHugePages ? mapping.alignedUp(toMultipleOf: Self.hugePageBytes) : mapping
        self.byteCount = byteCount
        if hugePageBytes > 0 { _ = madvise(base, min(hugePageBytes, byteCount), MADV_HUGEPAGE) }
        if hugePageBytes < byteCount, byteCount >= Self.hugePageBytes {
            let small = (base + max(hugePageBytes, 0)).alignedUp(toMultipleOf: 4096)
            let end = base + byteCount
            if small < end { _ = madvise(small, end - small, MADV_NOHUGEPAGE) }
        }
    }

    /// Moves the pages at `offset` to `target`, in place of what is mapped there; both are multiples of the page size. The
    /// addresses here must not be used again. False when the kernel refuses: then `target` is what it was, where it holds the
    /// same bytes as the pages here, which it must. (The kernel may have unmapped some of it before it failed.)
    public func give(offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer) -> Bool {
        precondition(offset >= 0 && byteCount > 0 && offset + byteCount <= self.byteCount, "outside of the reservation")
        let code = starling_move_pages(base + offset, byteCount, target)
        precondition(code >= 0, "the kernel unmapped memory in use and gives none in its place; raise vm.max_map_count")
        return code == 0
    }

    deinit { munmap(mapping, mappingBytes) }
}

/// A range of addresses that the kernel would not give.
public struct MemoryReservationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// How many bytes were asked for.
    public let byteCount: Int
    /// The `errno` of `mmap`.
    public let code: Int32

    /// One line for people: what was tried, the system's text, and what to look at.
    public var description: String {
        "cannot reserve \(byteCount) bytes of addresses: \(SystemErrorCode.text(code)); "
            + "check ulimit -v and vm.overcommit_memory, or configure a smaller reservation"
    }
}
