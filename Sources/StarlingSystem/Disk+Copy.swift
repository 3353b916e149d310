extension Disk {
    /// Copies the first `byteCount` bytes of a file (all of it when nil) to a new file and syncs that. The new name is durable
    /// after `syncDirectory` of its parent. Returns the bytes copied.
    ///
    /// Throws when `destination` exists, and with `EIO` when the file is shorter than `byteCount`.
    public func copyFile(_ source: String, to destination: String, byteCount: UInt64? = nil) throws(DiskError) -> UInt64
    {
        let input = try open(source, .read)
        defer { input.close() }
        let size = try input.size()
        let wanted = byteCount ?? size
        guard wanted <= size else {
            throw DiskError(operation: "copy", path: source, code: SystemErrorCode.inputOutput)
        }
        let output = try open(destination, .create)
        defer { output.close() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        while offset < wanted {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<Int(min(UInt64(buffer.count), wanted - offset))])
            guard try input.read(into: part, at: offset) == part.count else {
                throw DiskError(operation: "copy", path: source, code: SystemErrorCode.inputOutput)
            }
            try output.write(UnsafeRawBufferPointer(part), at: offset)
            offset += UInt64(part.count)
        }
        try output.sync()
        return wanted
    }
}
