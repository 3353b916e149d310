import StarlingLog
import StarlingSystem

/// Rotates the signing keys of a data directory that no daemon uses; a running one does it by itself (`RotateKeys`).
public enum KeyRotation {
    /// Makes a new key that signs from the next start on. Tokens that the one before has signed stay good until they expire.
    ///
    /// - Parameters:
    ///   - directory: the data directory.
    ///   - time: when the old key was replaced.
    /// - Returns: the id of the new key.
    /// - Throws: `LogError.locked` when a daemon uses the directory, `ConfigurationError` for a file that cannot be used,
    ///   `DiskError`.
    public static func rotate(directory: String, disk: any Disk, time: any TimeSource) throws -> String {
        let lock = try Log.lock(directory: "\(directory)/log", disk: disk)
        return try withExtendedLifetime(lock) {
            let file = AuthKeyFile(directory: directory, disk: disk)
            var keys = try file.load()
            keys.rotate(now: time.wallMilliseconds())
            try file.store(keys)
            return keys.signing[0].kid
        }
    }
}
