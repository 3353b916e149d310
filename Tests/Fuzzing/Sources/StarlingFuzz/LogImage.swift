import StarlingSimulation

@testable import StarlingLog

/// The directory of a log, taken out of an input:
///
///     input := level, file*        level: what is made right (`SegmentSealing.Level`)
///     file  := kind, [base u64], length u16, content        base: of segments and index files
///
/// Of a start file and a watermark file only the parts that are used stand in the input.
struct LogImage {
    enum Kind: UInt8 {
        case segment = 0
        case index = 1
        case start = 2
        case watermark = 3
    }

    let disk = SimulatedDisk(seed: 1)
    let level: SegmentSealing.Level
    private static let fileLimit = 8

    /// Puts the files of `input` in `data/log` of a disk in memory.
    init(_ input: UnsafeRawBufferPointer) throws {
        var reader = InputReader(input)
        level = SegmentSealing.Level(rawValue: reader.byte() % 4) ?? .continuity
        try disk.createDirectory("data/log")
        var position = LogPosition.start(logID: SeedLog.logID)
        for _ in 0..<Self.fileLimit where !reader.isAtEnd {
            guard let kind = Kind(rawValue: reader.byte() & 3) else { continue }
            let named = kind == .segment || kind == .index ? reader.word(UInt64.self) : 0
            var content = reader.take(Int(reader.word(UInt16.self)))
            switch kind {
            case .segment:
                let base = level == .continuity ? position.lsn : named
                SegmentSealing().seal(&content, level: level, base: base, position: &position)
                put(LogFiles.segment(base: base), content)
            case .index:
                if level != .none { IndexTarget.seal(&content) }
                put(LogFiles.index(base: named), content)
            case .start:
                content = StartTarget.expand(content)
                if level != .none { StartTarget.seal(&content) }
                // In continuity, what follows begins where the file says.
                put(LogFiles.start, content)
                if level == .continuity, let start = try? StartFile.read(directory: "data/log", disk: disk).value {
                    position = start.position
                }
            case .watermark:
                content = WatermarkTarget.expand(content)
                if level != .none { WatermarkTarget.seal(&content) }
                put(LogFiles.watermark, content)
            }
        }
    }

    private func put(_ name: String, _ content: [UInt8]) { disk.replace("data/log/" + name, with: content) }

    /// Everything on the disk but the lock.
    var contents: [String: [UInt8]] {
        var result: [String: [UInt8]] = [:]
        for path in disk.files where !path.hasSuffix("/lock") { result[path] = disk.contents(path) }
        return result
    }

    /// The input that stands for a log's files.
    static func encode(_ image: SeedLog.Image, level: SegmentSealing.Level) -> [UInt8] {
        var result = [level.rawValue]
        // What says where the log begins stands first, for continuity.
        for file in image.files.filter({ $0.name == LogFiles.start })
            + image.files.filter({ $0.name != LogFiles.start })
        {
            var content = file.bytes
            if let base = LogFiles.base(ofSegment: file.name) {
                result += [Kind.segment.rawValue] + littleEndian(base)
            } else if let base = LogFiles.base(ofIndex: file.name) {
                result += [Kind.index.rawValue] + littleEndian(base)
            } else if file.name == LogFiles.start {
                result.append(Kind.start.rawValue)
                content = StartTarget.shorten(content)
            } else if file.name == LogFiles.watermark {
                result.append(Kind.watermark.rawValue)
                content = WatermarkTarget.shorten(content)
            } else {
                continue
            }
            result += littleEndian(UInt16(content.count)) + content
        }
        return result
    }
}
