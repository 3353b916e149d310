import StarlingSimulation
import StarlingSystem

@testable import StarlingLog

/// The whole directory of a log: what a look through it says, what readers get, and what opening it for writing does.
enum LogTarget: FuzzTarget {
    static let name = "log"
    static let maximumBytes = 6000
    /// One envelope may stand for four thousand million lost records. To read as many proves nothing.
    private static let mostRecords: UInt64 = 20_000

    static func run(_ input: UnsafeRawBufferPointer) throws {
        let image = try LogImage(input)
        let deep = survey(image.disk, verifiesRecords: true)
        let plain = survey(image.disk, verifiesRecords: false)
        guard let plain else { return expect(deep == nil, "a deep look finds a log where a plain one finds none") }
        guard let deep else { report("a plain look finds a log where a deep one finds none") }
        if deep.verdict == .intact { expect(plain.verdict == .intact, "only the records' own look is intact") }
        let count = deep.segments.reduce(0) { $0 &+ $1.facts.records &+ $1.facts.lostRecords }
        guard count <= mostRecords else { return }
        let before = try records(image.disk)
        if deep.verdict == .intact {
            expect(before.isComplete && UInt64(before.list.count) == count, "intact, but not all records can be read")
            expect(before.chain == nil || before.chain == deep.end.chain, "intact, but the chain ends elsewhere")
        }
        try checkOpening(image, plain, isWhole: deep.verdict == plain.verdict, before)
    }

    private static func survey(_ disk: SimulatedDisk, verifiesRecords: Bool) -> LogSurvey? {
        var expectation = LogExpectation()
        expectation.verifiesRecords = verifiesRecords
        return try? LogSurvey.run(directory: "data/log", disk: disk, expectation: expectation)
    }

    private struct Reading: Equatable {
        var list: [LogRecord] = []
        /// After the last record.
        var chain: UInt64?
        /// Whether nothing of the readable part was refused.
        var isComplete = true
    }

    /// What a reader gets, one after another; and again, one by one.
    private static func records(_ disk: SimulatedDisk) throws -> Reading {
        let reader = try LogReader(directory: "data", disk: disk)
        var reading = Reading()
        do {
            try reader.forEachRecord(from: reader.firstLSN) {
                reading.list.append($0.copy())
                reading.chain = $0.chain
            }
        } catch is LogError {
            reading.isComplete = false
        }
        for record in reading.list.prefix(300) {
            let again = try? reader.readRecords(lsns: [record.lsn])
            expect(again == [record], "record \(record.lsn) differs when it is read by its number")
        }
        return reading
    }

    /// Opening refuses and changes nothing, or goes on where the readable part ends; and what it has made is whole.
    private static func checkOpening(
        _ image: LogImage, _ survey: LogSurvey, isWhole: Bool, _ before: Reading
    ) throws {
        let contents = image.contents
        let opened: OpenedLog
        do {
            opened = try SeedLog.open(image.disk, segmentBytes: 1024)
        } catch {
            if case .refused = survey.verdict {
                return expect(contents == image.contents, "refused, but something was changed: \(error)")
            }
            expect(isExhausted(survey), "what a look through the log lets pass is refused: \(error)")
            return
        }
        if case .refused(let error) = survey.verdict { report("opened, although it was to be refused: \(error)") }
        expect(opened.log.writtenLSN == survey.end.lsn - 1, "the log goes on at another record")
        let value: [UInt8] = [1, 2, 3]
        do {
            _ = try value.withUnsafeBytes { try opened.writer.append(timestamp: 9, key: 8, value: $0) }
            try opened.writer.close(clean: true)
        } catch {
            return expect(isExhausted(survey), "cannot be written: \(error)")
        }
        guard isWhole, !isExhausted(survey) else { return }
        let verified = LogVerifier.verify(directory: "data", disk: image.disk, deep: true)
        expect(verified.outcome == .intact && verified.endsClean, "not whole after it was opened: \(verified)")
        let after = try records(image.disk)
        expect(after.isComplete && Array(after.list.dropLast()) == before.list, "opening has changed records")
        expect(after.list.last?.value == value, "the new record is not the last one")
    }

    /// Whether a number that rises is at its end. Nobody gets there by writing, so then it is enough not to crash.
    private static func isExhausted(_ survey: LogSurvey) -> Bool {
        let highest = UInt64.max / 2 - 10
        return survey.end.lsn > LogLimits.highestLSN - 10 || survey.incarnation > highest
            || survey.end.sequence ?? 1 > highest
    }

    static func seeds() throws -> [[UInt8]] {
        try SeedLog.images.flatMap { image in
            [SegmentSealing.Level.checksums, .continuity].map { LogImage.encode(image, level: $0) }
        }
    }
}
