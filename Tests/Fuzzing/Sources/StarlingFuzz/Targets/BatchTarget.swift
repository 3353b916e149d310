import StarlingSystem

@testable import StarlingLog

/// Kafka batches: header, records, records in an LZ4 frame.
enum BatchTarget: FuzzTarget {
    static let name = "batch"
    static let maximumBytes = 2048

    static func run(_ input: UnsafeRawBufferPointer) throws {
        try check(input)
        var sealed = Array(input)
        sealed.withUnsafeMutableBytes { BatchSealing.seal($0) }
        try sealed.withUnsafeBytes(check)
    }

    private static func check(_ body: UnsafeRawBufferPointer) throws {
        guard let header = try? KafkaBatchHeader.parse(body), var envelope = envelope(of: header, body) else { return }
        let decoder = BatchDecoder()
        guard let batch = decode(body, in: envelope, decoder) else { return }
        envelope.chain = batch.chain
        let isVerified = (try? decoder.verify(body, in: envelope)) != nil
        expect(
            isVerified == (batch.isExhausted && KafkaBatchHeader.checksumMatches(body)),
            "verify disagrees with a walk through the records")
        try checkPlaces(body, in: envelope, batch, decoder)
        if batch.isExhausted { try checkRewritten(batch.records, header, envelope) }
    }

    /// The envelope that a writer would have put around the batch. Nil when there is none.
    private static func envelope(of header: KafkaBatchHeader, _ body: UnsafeRawBufferPointer) -> EnvelopeHeader? {
        let envelope = EnvelopeHeader(
            bodyLength: UInt32(body.count), recordCount: header.count, logID: 5, incarnation: 1, segmentBase: 1,
            sequence: 1, baseLSN: header.baseOffset, durableUpTo: 0, previousChain: 7, chain: 0,
            bodyChecksum: CRC32C.checksum(body))
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: EnvelopeHeader.size, alignment: 8)
        defer { bytes.deallocate() }
        guard let start = bytes.baseAddress else { return nil }
        envelope.write(to: start)
        guard case .header(let parsed) = EnvelopeHeader.parse(UnsafeRawBufferPointer(bytes)) else { return nil }
        return parsed
    }

    private struct Batch {
        var records: [FuzzRecord] = []
        var chains: [UInt64] = []
        var isExhausted = false
        var chain: UInt64 { chains.last ?? 0 }
    }

    private static func decode(
        _ body: UnsafeRawBufferPointer, in envelope: EnvelopeHeader, _ decoder: BatchDecoder
    ) -> Batch? {
        var batch = Batch()
        do {
            var records = try decoder.open(body, in: envelope)
            var chain = envelope.previousChain
            while !records.isAtEnd {
                let record = try records.next()
                let hash = RecordChain.recordHash(key: record.key, value: record.value, bodyHash: record.bodyHash)
                chain = RecordChain.advance(chain, by: hash)
                batch.records.append(FuzzRecord(record))
                batch.chains.append(chain)
            }
            batch.isExhausted = records.isExhausted
            return batch
        } catch {
            return nil
        }
    }

    /// Stepping over records leads to the same ones as reading them.
    private static func checkPlaces(
        _ body: UnsafeRawBufferPointer, in envelope: EnvelopeHeader, _ batch: Batch, _ decoder: BatchDecoder
    ) throws {
        for place in Set([0, batch.records.count / 2, batch.records.count - 1]) {
            var records = try decoder.open(body, in: envelope)
            for _ in 0..<place { try records.skip() }
            let record = try FuzzRecord(records.next())
            expect(record == batch.records[place], "skip leads to another record")
            let chain = try decoder.chain(after: envelope.baseLSN + UInt64(place), of: body, in: envelope)
            expect(chain == batch.chains[place], "the chain after a record differs")
        }
    }

    /// Records that were read can be written, plain and compressed, and read again.
    private static func checkRewritten(
        _ records: [FuzzRecord], _ header: KafkaBatchHeader, _ envelope: EnvelopeHeader
    ) throws {
        guard !records.contains(where: { $0.erasedBodyHash != nil }) else { return }
        for isCompressed in [false, true] {
            guard let bytes = encode(records, header, isCompressed: isCompressed) else { continue }
            bytes.withUnsafeBytes { body in
                expect(KafkaBatchHeader.checksumMatches(body), "the checksum of a written batch")
                let again = decode(body, in: envelope, BatchDecoder())
                expect(again?.isExhausted == true && again?.records == records, "what was written reads differently")
            }
        }
    }

    private static func encode(_ records: [FuzzRecord], _ header: KafkaBatchHeader, isCompressed: Bool) -> [UInt8]? {
        var builder = BatchBuilder(capacity: 1024)
        builder.start(baseLSN: header.baseOffset, timestamp: header.baseTimestamp, chain: 0)
        for record in records { record.append(to: &builder) }
        var output = GrowableBytes(capacity: 1024)
        output.reserve(KafkaBatchHeader.size)
        output.advance(KafkaBatchHeader.size)
        var header = header
        header.codec = isCompressed ? KafkaBatchHeader.codecLZ4 : KafkaBatchHeader.codecNone
        if isCompressed {
            guard FrameCompressor().compress(builder.records, into: &output) != nil else { return nil }
        } else {
            output.append(builder.records)
        }
        header.write(to: output.pointer(at: 0), recordsLength: output.bytes.count - KafkaBatchHeader.size)
        return Array(output.bytes)
    }

    static func seeds() throws -> [[UInt8]] {
        try SeedLog.images.flatMap { image in
            SeedLog.envelopes(image.segments.flatMap(\.bytes)).map(\.body).filter { !$0.isEmpty }
        }
    }
}

/// A record, copied out.
struct FuzzRecord: Equatable {
    var timestamp: UInt64
    var key: UInt64
    var value: [UInt8]
    var body: [UInt8]?
    var erasedBodyHash: Hash128?

    init(_ record: DecodedRecord) {
        timestamp = record.timestamp
        key = record.key
        value = Array(record.value)
        body = record.body.map { Array($0) }
        erasedBodyHash = record.erasedBodyHash
    }

    func append(to builder: inout BatchBuilder) {
        value.withUnsafeBytes { value in
            guard let body else { return builder.append(timestamp: timestamp, key: key, value: value, body: nil) }
            body.withUnsafeBytes { builder.append(timestamp: timestamp, key: key, value: value, body: $0) }
        }
    }
}
