import StarlingSimulation
import StarlingSystem

@testable import StarlingLog

/// Small logs made by the log's own writer, to begin with.
enum SeedLog {
    static let logID: UInt64 = 0x5741_524c_494e_4721

    /// The files of a log's directory.
    struct Image {
        struct File {
            let name: String
            let bytes: [UInt8]
        }
        var files: [File]

        var segments: [File] { files.filter { LogFiles.base(ofSegment: $0.name) != nil } }
        func named(_ name: String) -> [UInt8]? { files.first { $0.name == name }?.bytes }
    }

    /// One envelope of a segment.
    struct Envelope {
        let header: [UInt8]
        let body: [UInt8]
    }

    static var images: [Image] {
        get throws { [try plain(), try segments(), try shortened(), try salvaged()] }
    }

    /// One segment, plain and compressed batches, closed cleanly.
    private static func plain() throws -> Image {
        let disk = SimulatedDisk(seed: 1)
        let opened = try open(disk, segmentBytes: 2048)
        try append([("a", nil), ("", "a body"), ("value", "")], to: opened.writer)
        try append((0..<12).map { _ in ("the same words again and again", "and again") }, to: opened.writer)
        try opened.writer.close(clean: true)
        return image(disk, "data/log")
    }

    /// Three segments with index files, not closed.
    private static func segments() throws -> Image {
        let disk = SimulatedDisk(seed: 1)
        let opened = try open(disk, segmentBytes: 500)
        for number in 0..<4 { try append([("\(number)", nil), ("x", "y")], to: opened.writer) }
        try opened.writer.close(clean: false)
        return image(disk, "data/log")
    }

    /// A log whose first segments were removed.
    private static func shortened() throws -> Image {
        let disk = SimulatedDisk(seed: 1)
        let opened = try open(disk, segmentBytes: 400)
        for number in 0..<5 { try append([("\(number)", nil), ("x", "y")], to: opened.writer) }
        try opened.log.removeSegments(RetentionPolicy(bytes: 1), keepingFrom: opened.log.writtenLSN, now: .max)
        try opened.writer.close(clean: true)
        return image(disk, "data/log")
    }

    /// A log with lost records.
    private static func salvaged() throws -> Image {
        let disk = SimulatedDisk(seed: 1)
        let opened = try open(disk, segmentBytes: 2048)
        for number in 0..<4 { try append([("\(number)", nil), ("x", "y")], to: opened.writer) }
        try opened.writer.close(clean: true)
        disk.corrupt("data/log/" + LogFiles.segment(base: 1), byte: 400, bit: 1)
        _ = try LogSalvage.run(directory: "data", out: "out", disk: disk, segmentBytes: 2048)
        return image(disk, "out/log")
    }

    static func configuration(segmentBytes: UInt64) -> LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentBytes = segmentBytes
        configuration.commitsPerWatermark = 1
        configuration.allowsTinySegments = true
        return configuration
    }

    static func open(_ disk: SimulatedDisk, segmentBytes: UInt64) throws -> OpenedLog {
        try Log.open(
            directory: "data", disk: disk, configuration: configuration(segmentBytes: segmentBytes), newLogID: logID)
    }

    private static func append(_ records: [(String, String?)], to writer: LogWriter) throws {
        for (number, record) in records.enumerated() {
            let timestamp = 1_700_000_000_000 + UInt64(number)
            try Array(record.0.utf8).withUnsafeBytes { value in
                guard let body = record.1 else {
                    _ = try writer.append(timestamp: timestamp, key: 7, value: value)
                    return
                }
                _ = try Array(body.utf8).withUnsafeBytes {
                    try writer.append(timestamp: timestamp, key: 7, value: value, body: $0)
                }
            }
        }
        try writer.commit()
    }

    private static func image(_ disk: SimulatedDisk, _ directory: String) -> Image {
        let paths = disk.files.filter {
            $0.hasPrefix(directory + "/") && !$0.hasSuffix(".tmp") && !$0.hasSuffix("lock")
        }
        return Image(
            files: paths.map { path in
                let name = String(path.dropFirst(directory.count + 1))
                var bytes = disk.contents(path) ?? []
                // Zeros to the preallocated size teach nothing.
                if LogFiles.base(ofSegment: name) != nil {
                    bytes = Array(bytes[..<envelopes(bytes).reduce(0) { $0 + $1.header.count + $1.body.count }])
                }
                return Image.File(name: name, bytes: bytes)
            })
    }

    /// The envelopes of a segment that the writer made.
    static func envelopes(_ segment: [UInt8]) -> [Envelope] {
        var result: [Envelope] = []
        var offset = 0
        while offset < segment.count {
            let parsed = segment[offset...].withUnsafeBytes { EnvelopeHeader.parse($0) }
            guard case .header(let header) = parsed else { break }
            let start = offset + EnvelopeHeader.size
            let end = offset + Int(header.totalLength)
            result.append(Envelope(header: Array(segment[offset..<start]), body: Array(segment[start..<end])))
            offset = end
        }
        return result
    }
}
