/// Where a region of a snapshot is to be loaded.
///
/// Whoever makes it guarantees that the memory is reserved, and that only the loading thread uses it meanwhile.
public struct RegionTarget: @unchecked Sendable {
    /// The first byte; a multiple of 4096. Mapped files replace what was there.
    public var base: UnsafeMutableRawPointer
    /// Bytes in use at the snapshot, as the manifest says.
    public var byteCount: Int
    /// Bytes of memory from `base` on; at least `byteCount`, rounded up to whole pages.
    public var reservedBytes: Int

    /// Creates a target.
    public init(base: UnsafeMutableRawPointer, byteCount: Int, reservedBytes: Int) {
        self.base = base
        self.byteCount = byteCount
        self.reservedBytes = reservedBytes
    }

    var pageCount: Int { SnapshotLimits.pages(holding: byteCount) }

    /// Checks the target of region `number`.
    func check(_ number: Int) throws(SnapshotError) {
        guard byteCount >= 0, UInt(bitPattern: base) % UInt(SnapshotLimits.pageBytes) == 0 else {
            throw .invalidRequest("region \(number) has \(byteCount) bytes at \(base)")
        }
        guard pageCount <= reservedBytes / SnapshotLimits.pageBytes else {
            throw .regionTooSmall(region: number, byteCount: byteCount, reservedBytes: reservedBytes)
        }
    }
}
