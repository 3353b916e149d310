/// What a simulated loss of power leaves of everything that was not synced.
public enum CrashMode: Sendable, CaseIterable {
    /// Nothing: every file and directory is as at its last sync.
    case loseUnsynced
    /// Everything, as if the kernel had written all of it back just in time.
    case keepUnsynced
    /// Each sector of 512 bytes and each name for itself, by the seed: kept, lost, or, for the bytes that had changed,
    /// zeros or garbage. Bytes that a write did not change keep their value (what SQLite calls powersafe overwrite).
    case randomSectors
}

/// The calls that can be made to fail.
public enum DiskOperation: Sendable, CaseIterable {
    /// `createDirectory`.
    case createDirectory
    /// `list`.
    case list
    /// `open`.
    case open
    /// `DiskFile.read`.
    case read
    /// `DiskFile.write`.
    case write
    /// `DiskFile.preallocate`.
    case preallocate
    /// `DiskFile.truncate`.
    case truncate
    /// `DiskFile.sync`.
    case sync
    /// `rename`.
    case rename
    /// `remove`.
    case remove
    /// `syncDirectory`.
    case syncDirectory
    /// `lock`.
    case lock

    /// Its place in `allCases`.
    var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// Whether the call can change what a crash leaves.
    var changesDisk: Bool {
        switch self {
        case .list, .open, .read, .lock: false
        default: true
        }
    }
}
