import StarlingSystem

/// What copying a log came to.
public struct LogCopy: Equatable, Sendable {
    /// The last record in the copy; 0 when there is none.
    public var lastLSN: UInt64
    /// Files that were written.
    public var files: UInt64
    /// Bytes that were written.
    public var bytes: UInt64
}

extension Log {
    /// Copies the log to `directory`/log while it is written: everything that was written when the call began, whole batches
    /// only. The copy opens as a log of its own with the same id and the same numbers. Segments must not be removed
    /// meanwhile. Any thread; costs reading and writing all of it.
    ///
    /// - Throws: `cannotCreate` when there is something in the place already, `readFailed`, `writeFailed`, `outOfSpace`.
    public func copy(to directory: String, disk: any Disk) throws(LogError) -> LogCopy {
        let catalog = source.catalog
        let segments = catalog.allSegments
        let target = LogFiles.directory(in: directory)
        do {
            try disk.createDirectory(target)
        } catch {
            throw .cannotCreate(error)
        }
        var copy = LogCopy(lastLSN: (segments.last?.nextLSN ?? 1) - 1, files: 0, bytes: 0)
        do {
            var files = segments.map { (name: LogFiles.segment(base: $0.base), bytes: UInt64?($0.dataEnd)) }
            if catalog.disk.exists(catalog.directory + "/" + LogFiles.start) { files.append((LogFiles.start, nil)) }
            for segment in segments.dropLast() {
                let name = LogFiles.index(base: segment.base)
                if catalog.disk.exists(catalog.directory + "/" + name) { files.append((name, nil)) }
            }
            for file in files {
                copy.bytes += try catalog.disk.copyFile(
                    catalog.directory + "/" + file.name, to: target + "/" + file.name, byteCount: file.bytes)
                copy.files += 1
            }
            try disk.syncDirectory(target)
        } catch {
            throw error.isOutOfSpace ? .outOfSpace(error) : .writeFailed(error)
        }
        return copy
    }
}
