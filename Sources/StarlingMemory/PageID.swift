/// Names one page of a snapshot: which region of its owner, and which page in it.
@frozen
public struct PageID: BitwiseCopyable, Hashable, Sendable {
    /// Bytes in a page.
    @inlinable public static var byteCount: Int { 4096 }

    /// The region's number among its owner's.
    public var region: UInt16
    /// The page's number in its region.
    public var page: UInt32

    /// Creates a name.
    @inlinable
    public init(region: UInt16, page: UInt32) {
        self.region = region
        self.page = page
    }
}
