import StarlingSystem

@testable import StarlingLog

/// Makes the envelopes of a changed segment right again.
struct SegmentSealing {
    /// How much is made right.
    enum Level: UInt8, CaseIterable {
        /// Nothing.
        case none
        /// Checksums and the lengths of batches.
        case checksums
        /// Also what ties each envelope to the one before it: log, segment, sequence, lsn, chain.
        case continuity
    }

    private let decoder = BatchDecoder()

    /// Goes from envelope to envelope. `position` is what the first must say, and then what the next one must.
    func seal(_ image: inout [UInt8], level: Level, base: UInt64, position: inout LogPosition) {
        if level == .none { return }
        image.withUnsafeMutableBytes { bytes in
            var offset = 0
            while offset + EnvelopeHeader.size <= bytes.count {
                guard bytes.load(offset, UInt32.self) == EnvelopeHeader.magic else {
                    offset += 1
                    continue
                }
                let length = Int(bytes.load(offset + 6, UInt16.self))
                guard bytes[offset + 4] == EnvelopeHeader.version, length == EnvelopeHeader.size else {
                    sealOther(bytes.part(offset..<bytes.count), length: length)
                    offset += EnvelopeHeader.size
                    continue
                }
                let declared = Int(bytes.load(offset + 8, UInt32.self))
                let rest = bytes.count - offset - EnvelopeHeader.size
                let end = offset + EnvelopeHeader.size + (declared <= rest ? declared : 0)
                let envelope = bytes.part(offset..<end)
                if level == .continuity { tie(envelope, base: base, to: position) }
                sealOne(envelope, isWhole: declared <= rest, decoder: level == .continuity ? decoder : nil)
                if case .header(let header) = EnvelopeHeader.parse(UnsafeRawBufferPointer(envelope)) {
                    position = LogPosition(
                        logID: header.logID, sequence: header.sequence &+ 1, lsn: header.nextLSN, chain: header.chain)
                }
                offset = end
            }
        }
    }

    private func tie(_ envelope: UnsafeMutableRawBufferPointer, base: UInt64, to position: LogPosition) {
        if let logID = position.logID { envelope.store(logID, at: 16) }
        envelope.store(base, at: 32)
        if let sequence = position.sequence { envelope.store(sequence, at: 40) }
        envelope.store(position.lsn, at: 48)
        envelope.store(min(envelope.load(56, UInt64.self), position.lsn - 1), at: 56)
        envelope.store(position.chain ?? envelope.load(16, UInt64.self), at: 64)
        let isBatch = envelope[5] == 0 && envelope.count >= EnvelopeHeader.size + KafkaBatchHeader.size
        guard isBatch else {
            if envelope[5] != EnvelopeHeader.lostRecords { envelope.store(envelope.load(64, UInt64.self), at: 72) }
            return
        }
        let batch = envelope.part(EnvelopeHeader.size..<envelope.count)
        batch.store(position.lsn.bigEndian, at: 0)
        let count = batch.load(57, UInt32.self).bigEndian
        batch.store((count &- 1).bigEndian, at: 23)
        envelope.store(count, at: 12)
    }

    private func sealOne(_ envelope: UnsafeMutableRawBufferPointer, isWhole: Bool, decoder: BatchDecoder?) {
        if isWhole {
            let batch = envelope.part(EnvelopeHeader.size..<envelope.count)
            BatchSealing.seal(batch)
            envelope.store(batch.checksum(0..<batch.count), at: 80)
        }
        sealHeader(envelope, length: EnvelopeHeader.size)
        guard let decoder, isWhole, case .header(let header) = EnvelopeHeader.parse(UnsafeRawBufferPointer(envelope)),
            header.recordCount > 0, !header.isLost
        else { return }
        let body = UnsafeRawBufferPointer(envelope.part(EnvelopeHeader.size..<envelope.count))
        guard let chain = try? decoder.chain(after: header.nextLSN - 1, of: body, in: header) else { return }
        envelope.store(chain, at: 72)
        sealHeader(envelope, length: EnvelopeHeader.size)
    }

    /// An envelope of another version is recognised by its checksum, too.
    private func sealOther(_ bytes: UnsafeMutableRawBufferPointer, length: Int) {
        guard length >= 16, length <= bytes.count else { return }
        sealHeader(bytes, length: length)
    }

    private func sealHeader(_ bytes: UnsafeMutableRawBufferPointer, length: Int) {
        bytes.store(bytes.checksum(0..<(length - 4)), at: length - 4)
    }
}
