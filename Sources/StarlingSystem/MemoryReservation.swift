import Glibc

/// A private, anonymous range of virtual addresses, reserved once. Its base never moves. The kernel hands out zeroed
/// pages when they are first touched, so a large range costs nothing until it is used. Returned to the kernel when the
/// value goes.
public struct MemoryReservation: ~Copyable {
    /// The first byte; aligned to 2 MiB, the size of a huge page.
    public let base: UnsafeMutableRawPointer
    /// Usable bytes from `base`.
    public let byteCount: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappingBytes: Int

    private static let hugePageBytes = 2 << 20

    /// Reserves `byteCount` bytes (at least 1). With `hugePages` the kernel is asked to back the range with 2 MiB
    /// pages, which doubles the speed of random access to gigabytes, and makes each touched place cost at least 2 MiB;
    /// a kernel that refuses leaves small pages.
    ///
    /// Throws when the address space or the overcommit limit (`vm.overcommit_memory = 2`) does not allow the range.
    public init(byteCount: Int, hugePages: Bool) throws(MemoryReservationError) {
        let (padded, overflow) = byteCount.addingReportingOverflow(Self.hugePageBytes)
        guard byteCount > 0, !overflow else { throw MemoryReservationError(byteCount: byteCount, code: EINVAL) }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let mapping = mmap(nil, padded, PROT_READ | PROT_WRITE, flags, -1, 0), mapping != MAP_FAILED else {
            throw MemoryReservationError(byteCount: byteCount, code: errno)
        }
        self.mapping = mapping
        mappingBytes = padded
        base = mapping.alignedUp(toMultipleOf: Self.hugePageBytes)
        self.byteCount = byteCount
        _ = madvise(base, byteCount, hugePages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)
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
