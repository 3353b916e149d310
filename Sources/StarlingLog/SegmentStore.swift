import StarlingSystem

/// Makes segment files. Owned by the writer's thread.
///
/// A segment is made under a temporary name, preallocated and synced, and gets its own name by a rename when its base is
/// known. So rolling waits for no allocation, and a crash leaves either a whole empty segment or a file that is ignored.
struct SegmentStore {
    let directory: String
    let disk: any Disk

    private var sparePath: String { directory + "/" + LogFiles.spare }

    /// The file that `preparer` has made ready, of at least `bytes`, or nil.
    func takeSpare(bytes: UInt64, from preparer: SegmentPreparer) throws(DiskError) -> SpareSegment? {
        guard let capacity = try preparer.take(atLeast: bytes, as: sparePath) else { return nil }
        return SpareSegment(file: try disk.open(sparePath, .readWrite), capacity: capacity)
    }

    /// Makes a file of `bytes` zeros. When that fails, nothing is left of it.
    func makeSpare(bytes: UInt64) throws(DiskError) -> any DiskFile {
        if disk.exists(sparePath) { try disk.remove(sparePath) }
        let file = try disk.open(sparePath, .create)
        do {
            try file.preallocate(bytes)
            try file.sync()
            return file
        } catch {
            file.close()
            try? disk.remove(sparePath)
            throw error
        }
    }

    /// Turns the spare file into the segment that begins with `base`, durably, and opens it.
    func install(base: UInt64) throws(DiskError) -> any DiskFile {
        let path = directory + "/" + LogFiles.segment(base: base)
        try disk.rename(sparePath, to: path)
        try disk.syncDirectory(directory)
        return try disk.open(path, .readWrite)
    }
}
