import StarlingSystem

extension LogOpening {
    /// Copies what lies behind the last whole envelope to a file beside the segment, durably, then cuts it off, durably.
    /// Interrupted anywhere, it can be repeated.
    func cut(_ tail: TornTail) throws(LogError) -> RecoveryReport.TornTail {
        let copy = LogFiles.tornCopy(ofSegment: tail.segment, after: tail.lastLSN)
        do {
            let file = try disk.open(path + "/" + tail.segment, .readWrite)
            defer { file.close() }
            try keep(tail, of: file, as: copy)
            try file.truncate(tail.offset)
            try file.sync()
        } catch {
            throw error.isOutOfSpace ? .outOfSpace(error) : .writeFailed(error)
        }
        return RecoveryReport.TornTail(
            segment: tail.segment, offset: tail.offset, length: tail.length, lastLSN: tail.lastLSN,
            reason: tail.reason, copy: copy)
    }

    private func keep(_ tail: TornTail, of file: any DiskFile, as name: String) throws(DiskError) {
        let temporary = path + "/" + name + ".tmp"
        if disk.exists(temporary) { try disk.remove(temporary) }
        let copy = try disk.open(temporary, .create)
        defer { copy.close() }
        var window = SegmentWindow(file: file, readAhead: 1 << 20)
        var offset = tail.offset
        while offset < tail.dataEnd {
            let bytes = try window.bytes(at: offset, count: 1 << 20, limit: tail.dataEnd)
            if bytes.isEmpty { break }
            try copy.write(bytes, at: offset - tail.offset)
            offset += UInt64(bytes.count)
        }
        try copy.sync()
        try disk.rename(temporary, to: path + "/" + name)
        try disk.syncDirectory(path)
    }
}
