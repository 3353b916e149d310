import StarlingLog
import StarlingSystem

/// What the catalogue says of one topic.
struct TopicRow: Equatable, Sendable {
    /// Names its directory.
    var number: UInt64
    var name: TopicName
    var retention: RetentionPolicy
    /// When it was created, in milliseconds since 1970.
    var createdMilliseconds: UInt64
    /// The ids of the partitions' logs: a log that is gone is not made anew without a word.
    var logIDs: [UInt64]

    var settings: TopicSettings { TopicSettings(partitions: logIDs.count, retention: retention) }
}

/// The file `topics/catalogue`: which topics there are, and the numbers under which their logs lie. A topic exists from the
/// moment when the file with its row is durable; its logs are made before that.
struct TopicCatalogue: Equatable, Sendable {
    var rows: [TopicRow] = []

    private static let file = ChecksummedFile(magic: 0x4354_5453, name: "catalogue", maximumBytes: 64 << 20)

    /// The number of the next topic. Nothing is known to lie under it but what an interrupted creation left, which holds no
    /// record.
    var nextNumber: UInt64 { (rows.map(\.number).max() ?? 0) + 1 }

    var partitionCount: Int { rows.reduce(0) { $0 + $1.logIDs.count } }

    /// The catalogue in the topics' directory. Without the file there are no topics; then no log may hold a record.
    static func read(in directory: String, disk: any Disk) throws(TopicError) -> TopicCatalogue {
        switch try file.read(in: directory, disk: disk) {
        case .nothing:
            if let path = try TopicFiles.partitionWithRecords(in: directory, disk: disk) {
                throw .missingCatalogue(path: directory + "/" + file.name, records: path)
            }
            return TopicCatalogue()
        case .damaged: throw .damagedFile(path: directory + "/" + file.name)
        case .contents(let bytes):
            guard let catalogue = TopicCatalogue(decoding: bytes) else {
                throw .damagedFile(path: directory + "/" + file.name)
            }
            return catalogue
        }
    }

    /// Returns the size of the file.
    @discardableResult
    func write(in directory: String, disk: any Disk) throws(DiskError) -> UInt64 {
        var encoder = ByteEncoder()
        encoder.varint(UInt64(rows.count))
        for row in rows {
            encoder.varint(row.number)
            encoder.field(row.name.text.utf8)
            encoder.varint(row.retention.bytes ?? 0)
            encoder.varint(row.retention.milliseconds ?? 0)
            encoder.varint(row.createdMilliseconds)
            encoder.varint(UInt64(row.logIDs.count))
            for id in row.logIDs { encoder.fixed(id) }
        }
        return try Self.file.write(encoder.bytes, in: directory, disk: disk)
    }

    init() {}

    private init?(decoding bytes: [UInt8]) {
        let rows = bytes.withUnsafeBytes { bytes -> [TopicRow]? in
            var decoder = ByteDecoder(bytes)
            guard let count = decoder.varint(), count <= UInt64(decoder.remaining) else { return nil }
            var rows: [TopicRow] = []
            for _ in 0..<count {
                guard let row = Self.row(&decoder) else { return nil }
                rows.append(row)
            }
            return decoder.isAtEnd ? rows : nil
        }
        guard let rows, Set(rows.map(\.name)).count == rows.count, Set(rows.map(\.number)).count == rows.count else {
            return nil
        }
        self.rows = rows
    }

    private static func row(_ decoder: inout ByteDecoder) -> TopicRow? {
        guard let number = decoder.varint(), let text = decoder.field(),
            let name = TopicName(String(decoding: text, as: UTF8.self)), let bytes = decoder.varint(),
            let milliseconds = decoder.varint(), let created = decoder.varint(), let partitions = decoder.varint(),
            (1...UInt64(TopicsConfiguration.partitionsPerTopic)).contains(partitions)
        else { return nil }
        var ids: [UInt64] = []
        for _ in 0..<partitions {
            guard let id = decoder.fixed(UInt64.self), id != 0 else { return nil }
            ids.append(id)
        }
        let retention = RetentionPolicy(
            bytes: bytes == 0 ? nil : bytes, milliseconds: milliseconds == 0 ? nil : milliseconds)
        return TopicRow(number: number, name: name, retention: retention, createdMilliseconds: created, logIDs: ids)
    }
}

/// Where the topics' files lie.
package enum TopicFiles {
    /// In the data directory.
    package static func directory(in data: String) -> String { data + "/topics" }

    /// The directory of a partition, in that of the topics; its log is in `log` below it.
    static func partition(_ topic: UInt64, _ partition: Int) -> String { "\(topic)/\(partition)" }

    /// Whether the directory of a partition has a log, whatever is in it.
    static func hasLog(_ partition: String, disk: any Disk) throws(TopicError) -> Bool {
        try list(partition + "/log", disk).contains { $0.hasSuffix(".seg") }
    }

    /// The directory of some partition whose log holds records, whatever the catalogue says. Reads all logs up to it.
    static func partitionWithRecords(in directory: String, disk: any Disk) throws(TopicError) -> String? {
        for topic in try list(directory, disk).sorted() where UInt64(topic) != nil {
            for partition in try list(directory + "/" + topic, disk).sorted() where UInt64(partition) != nil {
                let path = "\(directory)/\(topic)/\(partition)"
                guard try hasLog(path, disk: disk) else { continue }
                do {
                    let reader = try LogReader(directory: path, disk: disk)
                    if reader.lastLSN > 0 || reader.refusal != nil { return path }
                } catch {
                    throw .log(path: path, error)
                }
            }
        }
        return nil
    }

    /// Empty for a directory that is not there: one that cannot be read must not be taken for that.
    private static func list(_ path: String, _ disk: any Disk) throws(TopicError) -> [String] {
        do {
            return try disk.list(path)
        } catch {
            if error.code == SystemErrorCode.notFound { return [] }
            throw .disk(error)
        }
    }
}
