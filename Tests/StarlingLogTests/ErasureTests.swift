import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Builds envelopes field by field, apart from the writer, so that a test can store what no writer stores.
enum HandMade {
    static func varint(_ value: Int) -> [UInt8] {
        var rest = UInt64(bitPattern: Int64(value) << 1 ^ Int64(value) >> 63)
        var result: [UInt8] = []
        while rest >= 128 {
            result.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return result + [UInt8(rest)]
    }

    static func big(_ value: UInt64, _ size: Int = 8) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (size - 1 - $0))) }
    }

    static func little(_ value: UInt64, _ size: Int = 8) -> [UInt8] { big(value, size).reversed() }

    static func checksum(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { UInt64(CRC32C.checksum($0)) } }

    static func record(
        offset: Int, key: UInt64, value: [UInt8], headers: [(name: String, value: [UInt8])] = []
    ) -> [UInt8] {
        var fields: [UInt8] = [0] + varint(0) + varint(offset) + varint(8) + big(key) + varint(value.count) + value
        fields += varint(headers.count)
        for header in headers {
            fields += varint(header.name.utf8.count) + Array(header.name.utf8)
            fields += varint(header.value.count) + header.value
        }
        return varint(fields.count) + fields
    }

    static func batch(base: UInt64, count: UInt64, timestamp: UInt64, codec: UInt64 = 0, records: [UInt8]) -> [UInt8] {
        var covered = big(codec, 2) + big(count - 1, 4) + big(timestamp) + big(timestamp)
        covered += big(.max) + big(.max, 2) + big(.max, 4) + big(count, 4) + records
        let after = big(0, 4) + [2] + big(checksum(covered), 4) + covered
        return big(base) + big(UInt64(after.count), 4) + after
    }

    /// The envelope at `offset` of `file` around another body: lengths and checksums are made to agree.
    static func replacingBody(_ file: [UInt8], at offset: Int, by body: [UInt8]) -> [UInt8] {
        let oldLength = file[(offset + 8)..<(offset + 12)].reversed().reduce(0) { $0 << 8 | Int($1) }
        var header = Array(file[offset..<(offset + 84)])
        header.replaceSubrange(8..<12, with: little(UInt64(body.count), 4))
        header.replaceSubrange(80..<84, with: little(checksum(body), 4))
        header += little(checksum(header), 4)
        return Array(file[..<offset]) + header + body + Array(file[(offset + 88 + oldLength)...])
    }
}

@Suite struct ErasureTests {
    private let body: [UInt8] = Array("to be forgotten".utf8)

    /// A cleanly closed log with one batch of two records, of which the first has a body; the batch is replaced.
    private func disk(replacing records: [UInt8]) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 1_000))
        try opened.writer.append(TestRecord(timestamp: 9, key: 5, value: [1], body: body))
        try opened.writer.append(TestRecord(timestamp: 9, key: 6, value: [2]))
        try opened.writer.close(clean: true)
        let file = try #require(disk.contents(Fixture.segmentPath(1)))
        let batch = HandMade.batch(base: 1, count: 2, timestamp: 9, records: records)
        disk.replace(Fixture.segmentPath(1), with: HandMade.replacingBody(file, at: 88, by: batch))
        return disk
    }

    private var second: [UInt8] { HandMade.record(offset: 1, key: 6, value: [2]) }

    private func bodyHash(_ bytes: [UInt8]) -> [UInt8] {
        let hash = bytes.withUnsafeBytes { Murmur3.hash($0) }
        return HandMade.big(hash.high) + HandMade.big(hash.low)
    }

    @Test func handMadeBatchEqualsTheWriters() throws {
        let first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body", body)])
        let disk = try disk(replacing: first + second)
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: true).outcome == .intact)
    }

    @Test func erasedBodyLeavesTheChainIntact() throws {
        let first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body-hash", bodyHash(body))])
        let disk = try disk(replacing: first + second)
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: true).outcome == .intact)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 1_000))
        let record = try opened.log.readRecord(lsn: 1)
        #expect(record == LogRecord(lsn: 1, timestamp: 9, key: 5, value: [1], body: nil, isErased: true))
        #expect(try opened.log.readRecord(lsn: 2).isErased == false)
        var hashes: [Hash128] = []
        try opened.log.forEachRecord(from: 1) { hashes.append($0.bodyHash) }
        #expect(hashes == [body.withUnsafeBytes { Murmur3.hash($0) }, .zero])
    }

    @Test(arguments: ["hash", "value", "name", "short", "two", "order", "trailing", "count"])
    func anythingElseThanTheHashIsFound(change: String) throws {
        let hash = bodyHash(body)
        var first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body-hash", hash)])
        var second = second
        switch change {
        case "hash": first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body-hash", bodyHash([1]))])
        case "value": first = HandMade.record(offset: 0, key: 5, value: [9], headers: [("body-hash", hash)])
        case "name": first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body_hash", hash)])
        case "short":
            first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body-hash", Array(hash.dropLast()))])
        case "two":
            first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body-hash", hash), ("body", body)])
        case "order": second = HandMade.record(offset: 2, key: 6, value: [2])
        case "trailing": second += [0]
        default: second = []
        }
        let disk = try disk(replacing: first + second)
        let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
        #expect(report.exitCode == 65)
        #expect(report.segments.first?.firstDamage?.lsnRange == 1...2)
        // Reading never gives out records that do not verify, and never crashes.
        #expect(throws: LogError.self) {
            let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 1_000))
            try opened.log.forEachRecord(from: 1) { _ in }
            // A trailing byte does no harm to the records before it, so only deep verification objects.
            if change == "trailing" { throw LogError.closed }
        }
    }

    @Test func forgedLengthsInRecordsNeitherCrashNorAllocate() throws {
        let huge: [UInt8] = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
        let good = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body", body)])
        for position in 0..<good.count {
            for forged in [huge, [0x01], [0xff, 0x7f]] {
                // The chain leaves out the time, at place 2, and one forged byte is the true one.
                if position == 2 || (forged == [good[position]]) { continue }
                let records = Array(good[..<position]) + forged + Array(good[(position + 1)...]) + second
                let disk = try disk(replacing: records)
                let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
                #expect(report.exitCode == 65, "position \(position) forged \(forged)")
            }
        }
    }

    @Test(arguments: [UInt64(0), 1, 17, 16 << 20 + 1, .max])
    func framesMustDeclareTheirTrueSize(declared: UInt64) throws {
        let first = HandMade.record(offset: 0, key: 5, value: [1], headers: [("body", body)])
        let records = first + second
        // One stored block: its highest length bit says that it is not compressed.
        func frame(_ size: UInt64) -> [UInt8] {
            let descriptor: [UInt8] = [0x68, 0x40] + HandMade.little(size)
            let block = HandMade.little(UInt64(records.count) | 1 << 31, 4) + records + HandMade.little(0, 4)
            return [0x04, 0x22, 0x4d, 0x18] + descriptor + [XXHash32.headerByte(descriptor)] + block
        }
        for (size, isGood) in [(UInt64(records.count), true), (declared, false)] {
            let disk = try disk(replacing: [])
            let file = try #require(disk.contents(Fixture.segmentPath(1)))
            let batch = HandMade.batch(base: 1, count: 2, timestamp: 9, codec: 3, records: frame(size))
            disk.replace(Fixture.segmentPath(1), with: HandMade.replacingBody(file, at: 88, by: batch))
            let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
            #expect(report.exitCode == (isGood ? 0 : 65))
        }
    }
}

/// The checksum byte of an LZ4 frame's descriptor: xxHash32 for inputs under 16 bytes.
enum XXHash32 {
    static func headerByte(_ bytes: [UInt8]) -> UInt8 {
        let (p1, p2, p3, p4, p5): (UInt32, UInt32, UInt32, UInt32, UInt32) = (
            2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263, 374_761_393
        )
        func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
        var hash = p5 &+ UInt32(bytes.count)
        var rest = bytes[...]
        while rest.count >= 4 {
            let word = rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
            hash = rotate(hash &+ word &* p3, 17) &* p4
            rest = rest.dropFirst(4)
        }
        for byte in rest { hash = rotate(hash &+ UInt32(byte) &* p5, 11) &* p1 }
        hash = (hash ^ hash >> 15) &* p2
        hash = (hash ^ hash >> 13) &* p3
        return UInt8(truncatingIfNeeded: (hash ^ hash >> 16) >> 8)
    }
}
