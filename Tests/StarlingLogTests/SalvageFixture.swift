import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// One envelope of a segment file, as the tests see it.
struct PlacedEnvelope {
    let path: String
    let range: Range<Int>
    let header: EnvelopeHeader

    var lsns: Range<UInt64> { header.baseLSN..<header.nextLSN }
}

/// Every envelope of the undamaged log on `disk`.
func envelopes(_ disk: SimulatedDisk) throws -> [PlacedEnvelope] {
    var result: [PlacedEnvelope] = []
    for path in Fixture.segments(disk) {
        let content = try #require(disk.contents(path))
        var offset = 0
        while offset < content.count {
            let header = content[offset...].withUnsafeBytes { bytes -> EnvelopeHeader? in
                if case .header(let header) = EnvelopeHeader.parse(bytes) { header } else { nil }
            }
            guard let header else { break }
            let end = offset + Int(header.totalLength)
            result.append(PlacedEnvelope(path: path, range: offset..<end, header: header))
            offset = end
        }
    }
    return result
}

/// What a salvage has made of a log.
struct Salvaged {
    let report: SalvageReport
    /// By lsn; nil for a record that is marked as lost.
    let records: [UInt64: TestRecord?]
    let chains: [UInt64: UInt64]

    /// Salvages `data` to `out` on the same disk, and opens the copy.
    init(_ disk: SimulatedDisk, segmentBytes: UInt64 = 400) throws {
        report = try LogSalvage.run(directory: "data", out: "out", disk: disk, segmentBytes: segmentBytes)
        let verified = LogVerifier.verify(directory: "out", disk: disk, deep: true)
        #expect(verified.outcome == .intact && verified.endsClean)
        #expect(verified.segments.dropLast().allSatisfy { $0.index == .whole })
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 400), directory: "out")
        #expect(opened.log.firstLSN == report.firstLSN && opened.log.writtenLSN == report.lastLSN)
        #expect(opened.report.lostRecords == report.missingRecords + report.lostBefore)
        var records: [UInt64: TestRecord?] = [:]
        var chains: [UInt64: UInt64] = [:]
        try opened.log.forEachRecord(from: report.firstLSN) { view in
            records[view.lsn] = .some(view.isLost ? nil : TestRecord(view.copy()))
            chains[view.lsn] = view.chain
        }
        for lsn in records.keys.sorted() {
            let record = try opened.log.readRecord(lsn: lsn)
            #expect(record.isLost == (records[lsn] == .some(nil)))
            if !record.isLost { #expect(records[lsn] == TestRecord(record)) }
        }
        self.records = records
        self.chains = chains
        try opened.writer.append(TestRecord(value: [9]))
        try opened.writer.close(clean: true)
        try disk.remove("out/log/watermark")
        #expect(LogVerifier.verify(directory: "out", disk: disk, deep: true).exitCode == 0)
    }
}
