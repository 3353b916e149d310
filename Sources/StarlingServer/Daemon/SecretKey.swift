import StarlingSystem

/// The key that cursors are signed with: 32 random bytes in the data directory, made at the first start, so that cursors
/// stay valid over restarts.
enum SecretKey {
    private static let name = "cursor.key"
    private static let size = 32

    static func load(directory: String, disk: any Disk) throws(DiskError) -> [UInt8] {
        let path = "\(directory)/\(name)"
        if disk.exists(path), let key = try read(path, disk) { return key }
        return try make(path, directory: directory, disk: disk)
    }

    /// The key, or nil when the file is too short: the machine stopped while it was being made, and no cursor was given.
    private static func read(_ path: String, _ disk: any Disk) throws(DiskError) -> [UInt8]? {
        let file = try disk.open(path, .read)
        defer { file.close() }
        var key = [UInt8](repeating: 0, count: size)
        var count = 0
        do {
            count = try key.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        } catch let error as DiskError {
            throw error
        } catch {
            preconditionFailure("a disk throws disk errors only")
        }
        return count == size ? key : nil
    }

    private static func make(_ path: String, directory: String, disk: any Disk) throws(DiskError) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        let key = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
        let draft = path + ".tmp"
        if disk.exists(draft) { try disk.remove(draft) }
        let file = try disk.open(draft, .createPrivate)
        defer { file.close() }
        do {
            try key.withUnsafeBytes { try file.write($0, at: 0) }
        } catch let error as DiskError {
            throw error
        } catch {
            preconditionFailure("a disk throws disk errors only")
        }
        try file.sync()
        try disk.rename(draft, to: path)
        try disk.syncDirectory(directory)
        return key
    }
}
