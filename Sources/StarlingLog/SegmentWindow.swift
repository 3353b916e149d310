import StarlingSystem

/// A piece of a file held in memory and moved along, so that walking through a segment takes few large reads. Owned by
/// one thread at a time.
struct SegmentWindow: ~Copyable {
    private(set) var file: any DiskFile
    private var buffer: GrowableBytes
    private var start: UInt64 = 0
    private let readAhead: Int

    /// `readAhead` is the least number of bytes that one read asks for.
    init(file: any DiskFile, readAhead: Int) {
        self.file = file
        self.readAhead = readAhead
        buffer = GrowableBytes(capacity: readAhead)
    }

    /// Turns to another file.
    mutating func replaceFile(_ file: any DiskFile) {
        self.file = file
        forget()
    }

    /// Makes the next access read from the disk again.
    mutating func forget() { buffer.removeAll() }

    /// `count` bytes from `offset`; fewer only where `limit` cuts them off or the file ends. Valid until the next call.
    /// `count` has been compared with the limits of the format.
    mutating func bytes(
        at offset: UInt64, count: Int, limit: UInt64
    ) throws(DiskError) -> UnsafeRawBufferPointer {
        guard offset < limit else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let wanted = Int(min(UInt64(count), limit - offset))
        let held = UInt64(buffer.count)
        if offset < start || offset - start > held || held - (offset - start) < UInt64(wanted) {
            try fill(from: offset, count: Int(min(UInt64(max(wanted, readAhead)), limit - offset)))
        }
        let first = Int(offset - start)
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[first..<min(first + wanted, buffer.count)])
    }

    private mutating func fill(from offset: UInt64, count: Int) throws(DiskError) {
        buffer.removeAll()
        buffer.reserve(count)
        start = offset
        let got = try file.read(into: UnsafeMutableRawBufferPointer(start: buffer.end, count: count), at: offset)
        buffer.advance(min(got, count))
    }

    /// The first byte from `offset` on that is not zero. Nil when there is none before `limit`.
    mutating func firstNonZero(from offset: UInt64, limit: UInt64) throws(DiskError) -> UInt64? {
        var position = offset
        while position < limit {
            let chunk = try bytes(at: position, count: readAhead, limit: limit)
            if chunk.isEmpty { return nil }
            if let index = Self.firstNonZero(in: chunk) { return position + UInt64(index) }
            position += UInt64(chunk.count)
        }
        return nil
    }

    /// The end of the last byte from `offset` on that is not zero; `offset` when all are.
    mutating func endOfData(from offset: UInt64, limit: UInt64) throws(DiskError) -> UInt64 {
        var end = offset
        var position = offset
        while position < limit {
            let chunk = try bytes(at: position, count: readAhead, limit: limit)
            if chunk.isEmpty { break }
            if let index = chunk.lastIndex(where: { $0 != 0 }) { end = position + UInt64(index) + 1 }
            position += UInt64(chunk.count)
        }
        return end
    }

    private static func firstNonZero(in bytes: UnsafeRawBufferPointer) -> Int? {
        var index = 0
        while index &+ 8 <= bytes.count, bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) == 0 {
            index &+= 8
        }
        while index < bytes.count {
            if bytes[index] != 0 { return index }
            index &+= 1
        }
        return nil
    }
}
