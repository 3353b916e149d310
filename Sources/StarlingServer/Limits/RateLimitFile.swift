import StarlingLimits
import StarlingSystem

/// Keeps the levels of rate limits in the data directory, so that a restart is no new start for those who are over their
/// limits.
struct RateLimitFile: Sendable {
    private let directory: String
    private let disk: any Disk
    private static let name = "rate-limits"
    /// A larger file is not ours: 256 rules of 10 million keys would be larger, and nobody has them.
    private static let mostBytes: UInt64 = 1 << 30

    init(directory: String, disk: any Disk) {
        self.directory = directory
        self.disk = disk
    }

    /// The levels that were kept last; nil when there are none.
    ///
    /// - Throws: `DiskError`, and `EBADMSG` in one when the file is damaged.
    func load() throws(DiskError) -> RateLimitLevels? {
        let path = "\(directory)/\(Self.name)"
        guard disk.exists(path) else { return nil }
        let file = try disk.open(path, .read)
        defer { file.close() }
        let size = try file.size()
        guard size <= Self.mostBytes else {
            throw DiskError(operation: "read", path: path, code: SystemErrorCode.badMessage)
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try Self.disk { try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) } }
        guard count == bytes.count, let levels = RateLimitLevels(encoded: bytes) else {
            throw DiskError(operation: "read", path: path, code: SystemErrorCode.badMessage)
        }
        return levels
    }

    /// Keeps levels instead of those before. Not synced: after a loss of power they may be gone, and everybody starts anew,
    /// which is not worth a sync every few seconds beside the log's.
    func save(_ levels: RateLimitLevels) throws(DiskError) {
        let path = "\(directory)/\(Self.name)"
        let draft = path + ".tmp"
        if disk.exists(draft) { try disk.remove(draft) }
        let file = try disk.open(draft, .create)
        defer { file.close() }
        let bytes = levels.encoded
        try Self.disk { try bytes.withUnsafeBytes { try file.write($0, at: 0) } }
        try disk.rename(draft, to: path)
    }

    /// `withUnsafeBytes` does not say which errors come through it.
    private static func disk<Result>(_ body: () throws -> Result) throws(DiskError) -> Result {
        do { return try body() } catch let error as DiskError { throw error } catch {
            preconditionFailure("a disk throws disk errors only")
        }
    }
}
