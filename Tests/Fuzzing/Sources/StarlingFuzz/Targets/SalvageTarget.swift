import StarlingSimulation
import StarlingSystem

@testable import StarlingLog

/// Salvage of any directory: the copy is whole, and holds what the report says.
enum SalvageTarget: FuzzTarget {
    static let name = "salvage"
    static let maximumBytes = 6000
    /// Salvage bridges up to 2^40 missing records with 88 bytes for each 2^20. To write as many proves nothing.
    private static let furthestLSN: UInt64 = 1 << 24

    static func run(_ input: UnsafeRawBufferPointer) throws {
        let image = try LogImage(input)
        guard !hasDistantNumbers(image) else { return }
        let before = image.contents
        let report: SalvageReport
        do {
            report = try LogSalvage.run(directory: "data", out: "out", disk: image.disk, segmentBytes: 1024)
        } catch {
            return
        }
        let after = image.contents.filter { $0.key.hasPrefix("data/") }
        expect(after == before, "salvage has changed its source")
        try check(report, image.disk)
    }

    /// A lsn that lies so far ahead that salvage would bridge the gap, but with thousands of envelopes.
    private static func hasDistantNumbers(_ image: LogImage) -> Bool {
        func isDistant(_ lsn: UInt64) -> Bool { lsn > furthestLSN }
        if let start = try? StartFile.read(directory: "data/log", disk: image.disk).value {
            if isDistant(start.firstLSN) { return true }
        }
        if let watermark = try? WatermarkFile.read(directory: "data/log", disk: image.disk) {
            if isDistant(watermark.durableLSN) { return true }
        }
        for (path, content) in image.contents {
            if let base = LogFiles.base(ofSegment: String(path.dropFirst("data/log/".count))), isDistant(base) {
                return true
            }
            let isFound = content.withUnsafeBytes { bytes in
                bytes.indices.dropLast(EnvelopeHeader.size - 1).contains { offset in
                    guard bytes[offset] == UInt8(truncatingIfNeeded: EnvelopeHeader.magic),
                        case .header(let header) = EnvelopeHeader.parse(
                            UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + EnvelopeHeader.size)]))
                    else { return false }
                    return isDistant(header.nextLSN)
                }
            }
            if isFound { return true }
        }
        return false
    }

    private static func check(_ report: SalvageReport, _ disk: SimulatedDisk) throws {
        let copy = LogVerifier.verify(directory: "out", disk: disk, deep: true)
        expect(copy.outcome == .intact && copy.endsClean, "the copy is not whole: \(copy.outcome)")
        expect(copy.logID == report.logID, "the copy has another id")
        let kept = copy.segments.reduce(0) { $0 + $1.records }
        let lost = copy.segments.reduce(0) { $0 + $1.lostRecords }
        expect(kept == report.keptRecords, "\(kept) records in the copy, the report says \(report.keptRecords)")
        expect(lost == report.missingRecords + report.lostBefore, "\(lost) lost records in the copy: \(report)")
        let numbers = report.lastLSN >= report.firstLSN ? report.lastLSN - report.firstLSN + 1 : 0
        expect(numbers == kept + lost, "the numbers do not add up: \(report)")
        let again: SalvageReport
        do {
            again = try LogSalvage.run(directory: "out", out: "again", disk: disk, segmentBytes: 700)
        } catch {
            starling_fuzz.report("the copy cannot be salvaged: \(error)")
        }
        expect(again.missing.isEmpty && again.skipped.isEmpty, "something is missing in the copy: \(again)")
        expect(again.keptRecords == kept && again.lostBefore == lost, "a copy of the copy differs")
    }

    static func seeds() throws -> [[UInt8]] {
        try LogTarget.seeds() + SeedLog.images.map { LogImage.encode($0, level: .none) }
    }
}
