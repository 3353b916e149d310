/// What a snapshot may hold. Everything that is read from disk is checked against these before memory is taken.
public enum SnapshotLimits {
    /// Bytes of a page.
    public static let pageBytes = 4096
    /// Bytes of a manifest.
    public static let manifestBytes = 16 << 20
    /// Workers; owner numbers have three digits.
    public static let workers = 999
    /// Regions of one owner.
    public static let regions = 1024
    /// Pages of one region: page numbers have 32 bits.
    public static let regionPages = 1 << 32
    /// Pages of one file.
    public static let filePages = 1 << 32
    /// Page files of one owner in one manifest. A full snapshot is due long before (`SnapshotPlan`).
    public static let filesPerOwner = 64
    /// Named values of one owner.
    public static let values = 4096
    /// Bytes of the name of a region or a value.
    public static let nameBytes = 64
    /// Hexadecimal digits of a state digest.
    public static let digestDigits = 128
    /// Highest lsn: Kafka's offsets are signed.
    public static let highestLSN = UInt64(Int64.max) - 1

    /// Pages that hold `byteCount` bytes.
    static func pages(holding byteCount: Int) -> Int {
        byteCount / pageBytes + (byteCount % pageBytes == 0 ? 0 : 1)
    }
}
