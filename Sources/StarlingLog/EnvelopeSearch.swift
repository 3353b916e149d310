import StarlingSystem

/// What valid headers behind a damaged place say.
struct EnvelopeSearch: Equatable {
    /// Where the first of them begins, not counting one at the bad place itself.
    var firstOffset: UInt64?
    /// Its first lsn.
    var firstLSN: UInt64?
    /// The highest durable watermark that any of them carries.
    var durableUpTo: UInt64 = 0
    /// The highest incarnation that any of them carries.
    var incarnation: UInt64 = 0
    /// End of the last byte that is not zero.
    var dataEnd: UInt64

    /// Looks at every byte of the walker's file from its bad place on. A header counts when its checksum agrees and it
    /// could follow what was read before: same log, same segment, later sequence and lsn.
    static func run(after walker: inout SegmentWalker) throws(DiskError) -> EnvelopeSearch {
        let limit = walker.fileSize
        var result = EnvelopeSearch(dataEnd: try walker.window.endOfData(from: walker.offset, limit: limit))
        var position = walker.offset
        while position < result.dataEnd {
            let chunk = try walker.window.bytes(at: position, count: 64 << 10, limit: limit)
            if chunk.count < EnvelopeHeader.size { break }
            var index = 0
            let last = chunk.count - EnvelopeHeader.size
            while index <= last {
                // The first byte of the magic decides in nearly every place.
                if chunk[index] == UInt8(truncatingIfNeeded: EnvelopeHeader.magic) {
                    let candidate = UnsafeRawBufferPointer(rebasing: chunk[index..<(index + EnvelopeHeader.size)])
                    if case .header(let header) = EnvelopeHeader.parse(candidate), walker.couldPrecede(header) {
                        result.note(header, at: position + UInt64(index), after: walker.offset)
                    }
                }
                index &+= 1
            }
            position += UInt64(last + 1)
        }
        return result
    }

    private mutating func note(_ header: EnvelopeHeader, at offset: UInt64, after bad: UInt64) {
        if firstOffset == nil, offset > bad {
            firstOffset = offset
            firstLSN = header.baseLSN
        }
        durableUpTo = max(durableUpTo, header.durableUpTo)
        incarnation = max(incarnation, header.incarnation)
    }
}

extension SegmentWalker {
    /// Whether `header` could come later in this segment.
    func couldPrecede(_ header: EnvelopeHeader) -> Bool {
        if let logID = expected.logID, header.logID != logID { return false }
        if let sequence = expected.sequence, header.sequence < sequence { return false }
        return header.segmentBase == base && header.baseLSN >= expected.lsn
    }
}
