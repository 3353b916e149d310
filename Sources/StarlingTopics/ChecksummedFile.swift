import StarlingSystem

/// A small file that is written as a whole: beside its name, synced, renamed, directory synced. It holds its contents twice,
/// so that rot in one place costs nothing.
///
/// Each copy, little endian: magic u32, version u32, length u32, that many bytes, CRC-32C u32 of everything before.
struct ChecksummedFile {
    /// Tells one kind of file from another.
    let magic: UInt32
    let name: String
    /// Longest contents that are believed.
    let maximumBytes: Int

    private static let version: UInt32 = 1
    private static let frameBytes = 16

    enum Finding {
        case nothing
        case damaged
        case contents([UInt8])
    }

    /// Returns the size of the file.
    @discardableResult
    func write(_ contents: [UInt8], in directory: String, disk: any Disk) throws(DiskError) -> UInt64 {
        precondition(contents.count <= maximumBytes, "\(name) would be too large to be read again")
        var copy = ByteEncoder()
        copy.fixed(magic)
        copy.fixed(Self.version)
        copy.fixed(UInt32(contents.count))
        var bytes = copy.bytes + contents
        let checksum = bytes.withUnsafeBytes { CRC32C.checksum($0) }
        withUnsafeBytes(of: checksum.littleEndian) { bytes.append(contentsOf: $0) }
        let whole = bytes + bytes
        let path = directory + "/" + name
        let draft = path + ".tmp"
        if disk.exists(draft) { try disk.remove(draft) }
        let file = try disk.open(draft, .create)
        defer { file.close() }
        try whole.withUnsafeBufferPointer { buffer throws(DiskError) in
            try file.write(UnsafeRawBufferPointer(buffer), at: 0)
        }
        try file.sync()
        try disk.rename(draft, to: path)
        try disk.syncDirectory(directory)
        return UInt64(whole.count)
    }

    func read(in directory: String, disk: any Disk) throws(TopicError) -> Finding {
        let path = directory + "/" + name
        let bytes: [UInt8]
        do {
            bytes = try load(path, disk)
        } catch {
            // A file that cannot be read must not be taken for one that is not there.
            if error.code == SystemErrorCode.notFound { return .nothing }
            throw .disk(error)
        }
        for start in [0, bytes.count / 2] {
            if let contents = try contents(of: bytes[start...], path) { return .contents(contents) }
        }
        return .damaged
    }

    private func load(_ path: String, _ disk: any Disk) throws(DiskError) -> [UInt8] {
        let file = try disk.open(path, .read)
        defer { file.close() }
        let size = Int(min(try file.size(), UInt64(2 * (maximumBytes + Self.frameBytes))))
        var bytes = [UInt8](repeating: 0, count: size)
        let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(DiskError) in
            try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
        return Array(bytes[..<count])
    }

    private func contents(of copy: ArraySlice<UInt8>, _ path: String) throws(TopicError) -> [UInt8]? {
        let found = copy.withUnsafeBytes { bytes -> (version: UInt32, contents: [UInt8])? in
            var decoder = ByteDecoder(bytes)
            guard decoder.fixed(UInt32.self) == magic, let version = decoder.fixed(UInt32.self),
                let length = decoder.fixed(UInt32.self), Int(length) <= maximumBytes,
                Int(length) + 4 <= decoder.remaining
            else { return nil }
            let end = decoder.position + Int(length)
            let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self))
            guard CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<end])) == checksum else { return nil }
            return (version, Array(bytes[decoder.position..<end]))
        }
        guard let found else { return nil }
        guard found.version == Self.version else { throw .unknownFormat(path: path, version: Int(found.version)) }
        return found.contents
    }
}
