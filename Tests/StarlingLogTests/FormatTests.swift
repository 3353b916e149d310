import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// The bytes themselves, against values that were worked out by hand or come from elsewhere.
@Suite struct FormatTests {
    @Test func checksumHasThePublishedValues() {
        // RFC 3720, appendix B.4, and the usual check value.
        func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.checksum($0) } }
        #expect(checksum(Array(repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(checksum(Array(repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(checksum(Array(0..<32)) == 0x46dd_794e)
        #expect(checksum(Array("123456789".utf8)) == 0xe306_9283)
    }

    @Test func murmurHasThePublishedValues() {
        func hash(_ text: String) -> String { Array(text.utf8).withUnsafeBytes { "\(Murmur3.hash($0))" } }
        #expect(hash("") == "00000000000000000000000000000000")
        #expect(hash("hello") == "cbd8a7b341bd9b025b1e906a48ae1d19")
        #expect(hash("hello, world") == "342fac623a5ebc8e4cdcbc079642414d")
        #expect(hash("The quick brown fox jumps over the lazy dog.") == "cd99481f9ee902c9695da1a38987b6e7")
    }

    @Test func variableLengthIntegersAreKafkas() {
        let cases: [(Int64, String)] = [
            (0, "00"), (-1, "01"), (1, "02"), (63, "7e"), (-64, "7f"), (64, "8001"), (300, "d804"),
            (.max, "feffffffffffffffff01"), (.min, "ffffffffffffffffff01"),
        ]
        for (value, text) in cases {
            var buffer = [UInt8](repeating: 0, count: 10)
            let expected = bytes(hexadecimal: text)
            buffer.withUnsafeMutableBytes { target in
                guard let start = target.baseAddress else { return }
                var fields = FieldWriter(start)
                fields.varint(value)
            }
            #expect(Array(buffer.prefix(expected.count)) == expected)
            #expect(FieldWriter.varintSize(value) == expected.count)
            expected.withUnsafeBytes {
                var fields = FieldReader($0)
                #expect(fields.varint() == value)
                #expect(fields.remaining == 0)
            }
        }
    }

    @Test(arguments: ["", "80", "ffffffffffffffffffff01", "ffffffffffffffffff02", "8080808080808080808000"])
    func malformedIntegersAreRefused(text: String) {
        bytes(hexadecimal: text).withUnsafeBytes {
            var fields = FieldReader($0)
            #expect(fields.varint() == nil)
        }
    }

    /// Two records, written down field by field from Kafka's description. Too short for LZ4 to win, so the bytes do not
    /// depend on a compressor.
    private static let goldenBatch = """
        0000000000000001 0000005e 00000000 02 cf87c944
        0000 00000001 0000018bcfe56800 0000018bcfe56805 ffffffffffffffff ffff ffffffff 00000002
        2e 00 00 00 10 0000000000000007 02 41 02 08 626f6479 04 6869
        28 00 0a 02 10 00000000000000ff 0c 48656c6c6f21 00
        """

    @Test func batchIsByteForByteKafkas() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        try opened.writer.append(TestRecord(timestamp: 1_700_000_000_000, key: 7, value: [0x41], body: [0x68, 0x69]))
        try opened.writer.append(TestRecord(timestamp: 1_700_000_000_005, key: 255, value: Array("Hello!".utf8)))
        try opened.writer.commit()
        let file = try #require(disk.contents(Fixture.segmentPath(1)))
        let expected = bytes(hexadecimal: Self.goldenBatch)
        #expect(Array(file[176..<(176 + expected.count)]) == expected)
        // Kafka's checksum covers everything from the attributes on.
        #expect(expected[21...].withUnsafeBytes { CRC32C.checksum($0) } == 0xcf87_c944)
        // batchLength counts what follows it.
        #expect(Int(expected[11]) == expected.count - 12)
    }

    @Test func compressedRecordsAreAnLZ4FrameWithIndependentBlocksAndContentSize() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        try opened.writer.append(TestRecord(value: Array(repeating: 0x61, count: 3_000)))
        try opened.writer.commit()
        let file = try #require(disk.contents(Fixture.segmentPath(1)))
        let batch = file[176...]
        #expect(Array(batch[197..<199]) == [0, 3])
        let frame = Array(batch[(176 + 61)...].prefix(15))
        #expect(Array(frame[..<4]) == [0x04, 0x22, 0x4d, 0x18])
        // Version 01, independent blocks, no checksums, content size; blocks of 64 KiB.
        #expect(frame[4] == 0b0110_1000)
        #expect(frame[5] == 0x40)
        #expect(frame[6..<14].reversed().reduce(0) { $0 << 8 | UInt64($1) } == 3_017)
    }

    @Test func envelopeFieldsLieWhereTheDocumentSays() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        try opened.writer.append(TestRecord(value: [1]))
        try opened.writer.commit()
        try opened.writer.append(TestRecord(value: [2]))
        try opened.writer.commit()
        let file = try #require(disk.contents(Fixture.segmentPath(1)))
        func field(_ offset: Int, _ size: Int) -> UInt64 {
            file[offset..<(offset + size)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let marker = 0
        #expect(Array(file[0..<4]) == Array("STRL".utf8))
        #expect([field(4, 1), field(5, 1), field(6, 2), field(8, 4), field(12, 4)] == [1, 2, 88, 0, 0])
        #expect(field(marker + 16, 8) == Fixture.logID)
        let first = 88
        let second = first + 88 + Int(field(first + 8, 4))
        #expect(Array(file[second..<(second + 4)]) == Array("STRL".utf8))
        #expect(field(second + 12, 4) == 1)
        #expect(field(second + 24, 8) == 1)
        #expect(field(second + 32, 8) == 1)
        #expect(field(second + 40, 8) == 3)
        #expect(field(second + 48, 8) == 2)
        #expect(field(second + 56, 8) == 1)
        #expect(field(first + 64, 8) == Fixture.logID)
        #expect(field(second + 64, 8) == field(first + 72, 8))
        #expect(field(second + 72, 8) == opened.writer.chain)
        let body = file[(second + 88)...].prefix(Int(field(second + 8, 4)))
        #expect(body.withUnsafeBytes { UInt64(CRC32C.checksum($0)) } == field(second + 80, 4))
        #expect(file[second..<(second + 84)].withUnsafeBytes { UInt64(CRC32C.checksum($0)) } == field(second + 84, 4))
        #expect(file[(second + 88 + body.count)...].allSatisfy { $0 == 0 })
        #expect(file.count == 64 << 10)
    }

    @Test func everyBitOfAHeaderIsCovered() {
        let header = EnvelopeHeader(
            flags: 0, bodyLength: 100, recordCount: 3, logID: 1, incarnation: 2, segmentBase: 3, sequence: 4,
            baseLSN: 5, durableUpTo: 4, previousChain: 7, chain: 8, bodyChecksum: 9)
        var stored = [UInt8](repeating: 0, count: EnvelopeHeader.size)
        stored.withUnsafeMutableBytes { if let start = $0.baseAddress { header.write(to: start) } }
        func parsed(_ bytes: [UInt8]) -> EnvelopeHeader? {
            bytes.withUnsafeBytes { if case .header(let header) = EnvelopeHeader.parse($0) { header } else { nil } }
        }
        #expect(parsed(stored) == header)
        for bit in 0..<(stored.count * 8) {
            var changed = stored
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(parsed(changed) == nil)
        }
        for length in 0..<stored.count { #expect(parsed(Array(stored[..<length])) == nil) }
    }

    @Test func namesOfSegmentsAreCanonical() {
        #expect(LogFiles.segment(base: 1_001) == "0000000000001001.seg")
        #expect(LogFiles.segment(base: 12_345_678_901_234_567) == "12345678901234567.seg")
        for base in [1, 42, 9_999_999_999_999_999, 10_000_000_000_000_000, UInt64.max] {
            #expect(LogFiles.base(ofSegment: LogFiles.segment(base: base)) == base)
        }
        let foreign = [
            "1.seg", "0000000000000000.seg", "00000000000000001.seg", "000000000000001x.seg",
            "0000000000000001.seg.tmp",
            "+000000000000001.seg", "0000000000000001.seg.torn-5", ".seg", "99999999999999999999.seg",
        ]
        for name in foreign { #expect(LogFiles.base(ofSegment: name) == nil) }
        #expect(LogFiles.isLeftover("spare.tmp"))
        #expect(LogFiles.isLeftover("0000000000000001.seg.torn-5.tmp"))
        #expect(!LogFiles.isLeftover("notes.tmp"))
        #expect(!LogFiles.isLeftover("0000000000000001.seg.torn-5"))
    }
}
