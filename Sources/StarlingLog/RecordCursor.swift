import StarlingSystem

/// Walks through records in order, following the chain. Owned by one thread at a time.
final class RecordCursor {
    private let loader: BatchLoader
    /// The lsn of the record that comes next.
    private(set) var nextLSN: UInt64
    /// The chain before it, when the walk has come past the record before it.
    private var chain: UInt64 = 0
    private var records: RecordDecoder?

    init(catalog: SegmentCatalog, startingAt lsn: UInt64, readAhead: Int = 256 << 10) {
        loader = BatchLoader(catalog: catalog, readAhead: readAhead)
        nextLSN = lsn
    }

    /// Hands out the records of one batch from the cursor's place on, up to `last`, until `body` gives false. Returns
    /// false when the cursor is past `last` or `body` gave false.
    /// - Throws: `overtaken` when retention has removed the next record.
    func visitBatch(upTo last: UInt64, _ body: (LogRecordView) throws -> Bool) throws -> Bool {
        guard nextLSN <= last else { return false }
        guard let held = try loader.load(nextLSN) else { throw loader.absent(nextLSN, upTo: last) }
        let envelope = held.envelope
        var walk: RecordDecoder
        if held.isHeld, let records {
            walk = records
        } else {
            walk = held.records
            chain = envelope.previousChain
        }
        var lsn = envelope.baseLSN + UInt64(walk.index)
        defer { records = walk }
        while lsn < envelope.nextLSN, lsn <= last {
            let before = walk
            let view = try decode(&walk, lsn: lsn, in: envelope)
            if lsn >= nextLSN {
                // A record whose closure throws was not consumed and comes again.
                do {
                    guard try body(view) else {
                        walk = before
                        return false
                    }
                } catch {
                    walk = before
                    throw error
                }
                nextLSN = lsn + 1
            }
            chain = view.chain
            lsn += 1
        }
        if walk.isAtEnd, chain != envelope.chain { throw loader.damaged(envelope, "the chain breaks inside the batch") }
        return true
    }

    @inline(__always)
    private func decode(
        _ walk: inout RecordDecoder, lsn: UInt64, in envelope: EnvelopeHeader
    ) throws(LogError) -> LogRecordView {
        do {
            let record = try walk.next()
            if record.isLost {
                // What the chain was between lost records is lost with them.
                return LogRecordView(
                    lsn: lsn, timestamp: 0, key: 0, value: record.value, body: nil, bodyHash: .zero, isErased: false,
                    isLost: true, chain: walk.isAtEnd ? envelope.chain : envelope.previousChain)
            }
            let bodyHash = record.bodyHash
            let hash = RecordChain.recordHash(key: record.key, value: record.value, bodyHash: bodyHash)
            return LogRecordView(
                lsn: lsn, timestamp: record.timestamp, key: record.key, value: record.value, body: record.body,
                bodyHash: bodyHash, isErased: record.erasedBodyHash != nil, isLost: false,
                chain: RecordChain.advance(chain, by: hash))
        } catch {
            throw loader.damaged(envelope, error.reason)
        }
    }
}
