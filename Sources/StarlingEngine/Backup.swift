import StarlingLog
import StarlingSnapshots
import StarlingSystem
import StarlingTopics

/// What a backup holds.
public struct BackupReport: Sendable, Equatable {
    /// The last record in it.
    public var lsn: UInt64
    /// Files that were copied.
    public var files: UInt64
    /// Bytes that were copied.
    public var bytes: UInt64
}

/// Why a backup was not made or not restored.
public enum BackupError: Error, Sendable, CustomStringConvertible {
    /// There is something at the place already.
    case notEmpty(String)
    /// The mark that ends a backup is missing or wrong: it was interrupted, or is none.
    case incomplete(String, reason: String)
    /// The disk failed.
    case disk(DiskError)
    /// The log could not be copied.
    case log(LogError)
    /// The snapshots could not be listed.
    case snapshot(SnapshotError)
    /// The topics could not be copied.
    case topics(TopicError)

    /// The exit code of a program that ends because of it.
    public var exitCode: Int32 {
        switch self {
        case .notEmpty: 73
        case .incomplete: 66
        case .disk: 74
        case .log(let error): error.exitCode
        case .snapshot(let error): error.exitCode
        case .topics(let error): error.exitCode
        }
    }

    /// One line for people.
    public var description: String {
        switch self {
        case .notEmpty(let path): "\(path) is not empty; name a directory that does not exist yet"
        case .incomplete(let path, let reason): "\(path) is no complete backup: \(reason); take another one"
        case .disk(let error): "backup: \(error)"
        case .log(let error): "backup: \(error)"
        case .snapshot(let error): "backup: \(error)"
        case .topics(let error): "backup: \(error)"
        }
    }
}

/// Copies a data directory: the newest snapshots, the topics and the log. Layout: `log`, `snapshots`, `topics`, and at last the mark
/// `backup`, a line of text with a checksum, without which nothing is restored.
struct Backup {
    let disk: any Disk

    private static let mark = "backup"

    /// Copies what an open engine has. Runs on the thread that installs snapshots and removes what is old, so that nothing
    /// vanishes meanwhile.
    func make(
        of log: Log, topics: Topics, snapshots: String, in directory: String
    ) throws(BackupError) -> BackupReport {
        try prepare(directory)
        do {
            var report = try copySnapshots(from: snapshots, to: SnapshotPaths.directory(in: directory))
            // Before the log: events tell of posts, which must be there.
            let records = try topics.copy(to: directory, disk: disk)
            report.files += records.files
            report.bytes += records.bytes
            // After the snapshots: a log may go on beyond them, but never end before.
            let copy = try log.copy(to: directory, disk: disk)
            report.lsn = copy.lastLSN
            report.files += copy.files
            report.bytes += copy.bytes
            try finish(report, in: directory)
            return report
        } catch let error as DiskError {
            throw .disk(error)
        } catch let error as LogError {
            throw .log(error)
        } catch let error as SnapshotError {
            throw .snapshot(error)
        } catch let error as TopicError {
            throw .topics(error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    /// Makes a data directory of a backup, whose log must hold what the mark says: damage to its last records could else be
    /// taken for a write that a crash has torn.
    func restore(_ backup: String, to directory: String) throws(BackupError) -> BackupReport {
        let expected = try readMark(backup)
        try prepare(directory)
        do {
            var report = BackupReport(lsn: expected.lsn, files: 0, bytes: 0)
            let parts = try Topics.directories(in: backup, disk: disk) + ["snapshots", "log"]
            for part in parts where disk.exists(backup + "/" + part) {
                try disk.createDirectory(directory + "/" + part)
                // In the directory of the topics, numbers are directories of their own.
                for name in try disk.list(backup + "/" + part) where part != "topics" || UInt64(name) == nil {
                    report.bytes += try disk.copyFile(
                        "\(backup)/\(part)/\(name)", to: "\(directory)/\(part)/\(name)")
                    report.files += 1
                }
                try disk.syncNames(to: directory + "/" + part)
            }
            try disk.syncNames(to: directory)
            guard report == expected else {
                throw BackupError.incomplete(
                    backup,
                    reason:
                        "\(report.files) files of \(report.bytes) bytes, the mark says \(expected.files) of \(expected.bytes)"
                )
            }
            try compareLog(in: directory, with: expected, of: backup)
            return report
        } catch let error as BackupError {
            throw error
        } catch let error as DiskError {
            throw .disk(error)
        } catch let error as LogError {
            throw .log(error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    private func compareLog(in directory: String, with expected: BackupReport, of backup: String) throws {
        let log = try LogReader(directory: directory, disk: disk)
        if let refusal = log.refusal { throw refusal }
        guard log.lastLSN == expected.lsn else {
            throw BackupError.incomplete(
                backup, reason: "its log can be read up to record \(log.lastLSN), the mark says \(expected.lsn)")
        }
    }

    private func prepare(_ directory: String) throws(BackupError) {
        do {
            if disk.exists(directory), try !disk.list(directory).isEmpty { throw BackupError.notEmpty(directory) }
            try disk.createDirectory(directory)
        } catch let error as BackupError {
            throw error
        } catch let error as DiskError {
            throw .disk(error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    private func copySnapshots(from source: String, to target: String) throws -> BackupReport {
        var report = BackupReport(lsn: 0, files: 0, bytes: 0)
        let kept = try SnapshotStore(directory: source, disk: disk).retention().kept
        try disk.createDirectory(target)
        // One is enough: the log is whole where the backed-up one is, and a damaged copy is replaced by another backup.
        guard let newest = kept.first else { return report }
        for name in newest.pageFiles + [newest.fileName] {
            report.bytes += try disk.copyFile(source + "/" + name, to: target + "/" + name)
            report.files += 1
        }
        try disk.syncDirectory(target)
        return report
    }

    private func finish(_ report: BackupReport, in directory: String) throws(DiskError) {
        let line = "starling backup 1 lsn=\(report.lsn) files=\(report.files) bytes=\(report.bytes)"
        let text = Array("\(line) crc32c=\(Self.checksum(line))\n".utf8)
        let file = try disk.open(directory + "/" + Self.mark, .create)
        defer { file.close() }
        try text.withUnsafeBufferPointer { bytes throws(DiskError) in
            try file.write(UnsafeRawBufferPointer(bytes), at: 0)
        }
        try file.sync()
        try disk.syncNames(to: directory)
    }

    private static func checksum(_ line: String) -> UInt32 {
        Array(line.utf8).withUnsafeBytes { CRC32C.checksum($0) }
    }

    private func readMark(_ directory: String) throws(BackupError) -> BackupReport {
        let path = directory + "/" + Self.mark
        guard disk.exists(path) else { throw .incomplete(directory, reason: "the file \(Self.mark) is missing") }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count: Int
        do {
            let file = try disk.open(path, .read)
            defer { file.close() }
            count = try bytes.withUnsafeMutableBufferPointer { buffer throws(DiskError) in
                try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
            }
        } catch {
            throw .disk(error)
        }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        let fields = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        func number(_ place: Int, _ name: String) -> UInt64? {
            guard fields.indices.contains(place), fields[place].hasPrefix(name + "=") else { return nil }
            return UInt64(fields[place].dropFirst(name.count + 1))
        }
        guard fields.count == 7, fields[..<3] == ["starling", "backup", "1"], let lsn = number(3, "lsn"),
            let files = number(4, "files"), let size = number(5, "bytes"), let sum = number(6, "crc32c"),
            UInt64(Self.checksum(fields[..<6].joined(separator: " "))) == sum
        else { throw .incomplete(directory, reason: "the file \(Self.mark) is damaged") }
        return BackupReport(lsn: lsn, files: files, bytes: size)
    }
}
