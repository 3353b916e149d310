import StarlingSystem

/// The directory of snapshots, `DATA/snapshots`. Touches only files with the names of `docs/snapshot-format.md`.
///
/// One thread at a time changes it, and that one holds the data directory's lock; any thread may read.
public struct SnapshotStore: Sendable {
    /// The directory.
    public let directory: String
    let disk: any Disk

    /// A store in `directory`. Nothing is touched before a method is called.
    public init(directory: String, disk: any Disk) {
        self.directory = directory
        self.disk = disk
    }

    /// Makes the directory, removes what an interrupted snapshot has left unfinished, and syncs, so that what is seen
    /// from then on is what a loss of power would leave. At a start, before `candidates` is relied on.
    public func prepare() throws(SnapshotError) {
        do {
            try disk.createDirectory(directory)
            try disk.syncDirectory(Self.parent(of: directory))
            for name in try disk.list(directory) where SnapshotFiles.isLeftover(name) {
                try disk.remove(directory + "/" + name)
            }
            try disk.syncDirectory(directory)
        } catch {
            throw .disk(error)
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// All manifests, newest first, each read and checked, or with what is wrong with it. Page files are not looked at.
    /// Empty when there is no directory.
    public func candidates() throws(SnapshotError) -> [SnapshotCandidate] {
        guard disk.exists(directory) else { return [] }
        let names: [String]
        do {
            names = try disk.list(directory)
        } catch {
            throw .disk(error)
        }
        let lsns = names.compactMap { SnapshotFiles.lsn(ofManifest: $0) }.sorted(by: >)
        return lsns.map { lsn in
            SnapshotCandidate(
                lsn: lsn, manifest: Result { () throws(SnapshotError) in try readManifest(lsn: lsn) })
        }
    }

    private func readManifest(lsn: UInt64) throws(SnapshotError) -> SnapshotManifest {
        let name = SnapshotFiles.manifest(lsn: lsn)
        do {
            let file = try disk.open(directory + "/" + name, .read)
            defer { file.close() }
            let size = try file.size()
            guard size <= UInt64(SnapshotLimits.manifestBytes) else {
                throw SnapshotError.damaged(file: name, place: "its end", reason: "\(size) bytes are no manifest")
            }
            var bytes = [UInt8](repeating: 0, count: Int(size))
            let got = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
            return try SnapshotManifest.parse(Array(bytes[..<got]), fileName: name)
        } catch let error as SnapshotError {
            throw error
        } catch let error as DiskError {
            throw .opening(name, error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    /// Makes a snapshot whose page files are finished the newest one. Once this returns it survives a loss of power, and
    /// before that the older ones do.
    ///
    /// Throws `missing` when a page file is not there, `alreadyInstalled` when there is a manifest of that lsn. After
    /// `disk` the snapshot may or may not be installed; `candidates` tells.
    public func install(_ manifest: SnapshotManifest) throws(SnapshotError) {
        let bytes = try manifest.encoded()
        let path = directory + "/" + manifest.fileName
        guard !disk.exists(path) else { throw .alreadyInstalled(lsn: manifest.lsn) }
        for name in manifest.pageFiles where !disk.exists(directory + "/" + name) { throw .missing(file: name) }
        do {
            // The page files' names have to be durable before a name exists that leads to them.
            try disk.syncDirectory(directory)
            try writeDurably(bytes, path + SnapshotFiles.unfinishedSuffix)
            try disk.rename(path + SnapshotFiles.unfinishedSuffix, to: path)
            try disk.syncDirectory(directory)
        } catch {
            throw .disk(error)
        }
    }

    private func writeDurably(_ bytes: [UInt8], _ path: String) throws(DiskError) {
        if disk.exists(path) { try disk.remove(path) }
        let file = try disk.open(path, .create)
        defer { file.close() }
        do {
            try bytes.withUnsafeBufferPointer { bytes throws(DiskError) in
                try file.write(UnsafeRawBufferPointer(bytes), at: 0)
            }
            try file.sync()
        } catch {
            try? disk.remove(path)
            throw error
        }
    }

    /// Removes the manifest of `lsn`, whatever it holds, so that a snapshot of that lsn can be taken again. For one that
    /// was found damaged. Its page files go with the next `prune`.
    public func discard(lsn: UInt64) throws(SnapshotError) {
        let path = directory + "/" + SnapshotFiles.manifest(lsn: lsn)
        do {
            if disk.exists(path) { try disk.remove(path) }
            try disk.syncDirectory(directory)
        } catch {
            throw .disk(error)
        }
    }
}

/// A manifest that was found in the directory.
public struct SnapshotCandidate: Sendable {
    /// The lsn of its name.
    public let lsn: UInt64
    /// What it says, or what is wrong with it.
    public let manifest: Result<SnapshotManifest, SnapshotError>
}
