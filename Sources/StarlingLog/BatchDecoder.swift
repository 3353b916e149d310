import StarlingSystem

/// Opens the batches in envelope bodies, with buffers that are reused. Owned by one thread at a time.
final class BatchDecoder {
    private let decompressor = FrameDecompressor()
    private var expanded = GrowableBytes(capacity: 64 << 10)

    /// Reads the batch header of `body` and compares it with the envelope's.
    static func header(
        of body: UnsafeRawBufferPointer, in envelope: EnvelopeHeader
    ) throws(BatchFormatError) -> KafkaBatchHeader {
        let header = try KafkaBatchHeader.parse(body)
        guard header.baseOffset == envelope.baseLSN, header.count == envelope.recordCount else {
            throw BatchFormatError("envelope and batch disagree on the records")
        }
        return header
    }

    /// The records of `body`. The decoder's bytes stay valid until the next call and as long as `body` does.
    func open(
        _ body: UnsafeRawBufferPointer, in envelope: EnvelopeHeader
    ) throws(BatchFormatError) -> RecordDecoder {
        if envelope.isLost { return RecordDecoder(lostRecords: envelope.recordCount) }
        let header = try Self.header(of: body, in: envelope)
        let stored = UnsafeRawBufferPointer(rebasing: body[KafkaBatchHeader.size...])
        if header.codec == KafkaBatchHeader.codecNone { return RecordDecoder(records: stored, header: header) }
        try decompressor.decompress(stored, into: &expanded, limit: LogLimits.batchBytes)
        return RecordDecoder(records: expanded.bytes, header: header)
    }

    /// Decodes every record of `body` and follows the chain through them; throws when anything disagrees.
    func verify(_ body: UnsafeRawBufferPointer, in envelope: EnvelopeHeader) throws(BatchFormatError) {
        guard KafkaBatchHeader.checksumMatches(body) else {
            throw BatchFormatError("the batch's checksum does not match")
        }
        var records = try open(body, in: envelope)
        var chain = envelope.previousChain
        while !records.isAtEnd {
            let record = try records.next()
            let hash = RecordChain.recordHash(key: record.key, value: record.value, bodyHash: record.bodyHash)
            chain = RecordChain.advance(chain, by: hash)
        }
        guard records.isExhausted else { throw BatchFormatError("bytes follow the batch's last record") }
        guard chain == envelope.chain else { throw BatchFormatError("the chain breaks inside the batch") }
    }

    /// The chain after record `lsn`, which is one of `body`'s.
    func chain(
        after lsn: UInt64, of body: UnsafeRawBufferPointer, in envelope: EnvelopeHeader
    ) throws(BatchFormatError) -> UInt64 {
        var records = try open(body, in: envelope)
        var chain = envelope.previousChain
        while envelope.baseLSN + UInt64(records.index) <= lsn {
            let record = try records.next()
            let hash = RecordChain.recordHash(key: record.key, value: record.value, bodyHash: record.bodyHash)
            chain = RecordChain.advance(chain, by: hash)
        }
        return chain
    }
}
