import StarlingSimulation
import StarlingSystem

@testable import StarlingLog

/// A record as a test appends it and expects it back.
struct TestRecord: Equatable, Sendable {
    var timestamp: UInt64
    var key: UInt64
    var value: [UInt8]
    var body: [UInt8]?

    init(timestamp: UInt64 = 1_700_000_000_000, key: UInt64 = 7, value: [UInt8], body: [UInt8]? = nil) {
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.body = body
    }

    init(_ record: LogRecord) {
        self.init(timestamp: record.timestamp, key: record.key, value: record.value, body: record.body)
    }

    /// Small records with every shape: no value, no body, an empty body, times that fall.
    static func random(_ random: inout SeededRandom, maximumBytes: UInt64 = 40) -> TestRecord {
        func bytes(_ random: inout SeededRandom) -> [UInt8] {
            let kinds = random.next() % 4 + 1
            return (0..<Int(random.next() % (maximumBytes + 1))).map { _ in UInt8(random.next() % (64 * kinds)) }
        }
        let hasBody = random.next() % 2 == 0
        return TestRecord(
            timestamp: 1_700_000_000_000 + random.next() % 10_000, key: random.next(), value: bytes(&random),
            body: hasBody ? bytes(&random) : nil)
    }

    static func many(_ count: Int, seed: UInt64, maximumBytes: UInt64 = 40) -> [TestRecord] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in .random(&random, maximumBytes: maximumBytes) }
    }
}

extension LogWriter {
    @discardableResult
    func append(_ record: TestRecord) throws -> UInt64 {
        try record.value.withUnsafeBytes { value in
            guard let body = record.body else {
                return try append(timestamp: record.timestamp, key: record.key, value: value)
            }
            return try body.withUnsafeBytes {
                try append(timestamp: record.timestamp, key: record.key, value: value, body: $0)
            }
        }
    }

    /// Appends each group and commits it.
    func commit(groups: [[TestRecord]]) throws {
        for group in groups {
            for record in group { try append(record) }
            try commit()
        }
    }
}

extension Log {
    func allRecords() throws -> [TestRecord] {
        var result: [TestRecord] = []
        try forEachRecord(from: firstLSN) { result.append(TestRecord($0.copy())) }
        return result
    }
}

/// What tests of small logs share: a directory name, a log id, and a configuration with tiny segments.
enum Fixture {
    static let logID: UInt64 = 0x5741_524c_494e_4721

    static func configuration(
        segmentBytes: UInt64 = 64 << 10, batchBytes: Int = 32 << 10, level: AcknowledgementLevel = .disk
    ) -> LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentBytes = segmentBytes
        configuration.batchBytes = batchBytes
        configuration.level = level
        configuration.allowsTinySegments = true
        return configuration
    }

    static func open(
        _ disk: any Disk, _ configuration: LogConfiguration = Fixture.configuration(),
        expectation: LogExpectation = LogExpectation(), directory: String = "data"
    ) throws(LogError) -> OpenedLog {
        try Log.open(
            directory: directory, disk: disk, configuration: configuration, expectation: expectation, newLogID: logID)
    }

    static func segmentPath(_ base: UInt64) -> String { "data/log/" + LogFiles.segment(base: base) }

    /// Paths of the segments on a disk, in order.
    static func segments(_ disk: SimulatedDisk) -> [String] {
        disk.files.filter { $0.hasSuffix(LogFiles.segmentSuffix) }
    }

    /// Contents of everything that recovery must not touch when it refuses.
    static func snapshot(_ disk: SimulatedDisk) -> [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for path in disk.files where !path.hasSuffix("/lock") { result[path] = disk.contents(path) }
        return result
    }

    /// A log of a few segments of some hundred bytes, one commit for each group, not closed: as after a power cut that
    /// lost nothing.
    static func smallLog(
        groups: [[TestRecord]], segmentBytes: UInt64 = 500, clean: Bool = false
    ) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 1)
        var configuration = configuration(segmentBytes: segmentBytes)
        configuration.commitsPerWatermark = 0
        let opened = try open(disk, configuration)
        try opened.writer.commit(groups: groups)
        try opened.writer.close(clean: clean)
        disk.crash(.keepUnsynced)
        return disk
    }
}

/// Splits records into groups of one to `most`.
func groups(_ records: [TestRecord], most: UInt64, seed: UInt64) -> [[TestRecord]] {
    var random = SeededRandom(seed: seed)
    var result: [[TestRecord]] = []
    var rest = records[...]
    while !rest.isEmpty {
        let count = min(rest.count, Int(random.next() % most) + 1)
        result.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
    }
    return result
}

/// Hexadecimal digits to bytes; spaces are ignored.
func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}
