import StarlingSimulation
import StarlingSystem

@testable import StarlingEngine

/// The mark that ends a backup.
enum MarkTarget: FuzzTarget {
    static let name = "mark"
    static let maximumBytes = 300
    /// The files of the backup, which the mark counts.
    private static let files = ["backup/log/0000000000000001.seg": 10, "backup/snapshots/0000000000000001.manifest": 7]

    static func run(_ input: UnsafeRawBufferPointer) {
        check(Array(input))
        check(sealed(Array(input)))
    }

    /// The input with the right checksum as its last field.
    private static func sealed(_ input: [UInt8]) -> [UInt8] {
        let text = String(decoding: input, as: UTF8.self)
        let fields = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).prefix(6)
        let line = fields.joined(separator: " ")
        let checksum = Array(line.utf8).withUnsafeBytes { CRC32C.checksum($0) }
        return Array("\(line) crc32c=\(checksum)\n".utf8)
    }

    private static func check(_ mark: [UInt8]) {
        let disk = SimulatedDisk(seed: 1)
        for (path, count) in files { disk.replace(path, with: [UInt8](repeating: 1, count: count)) }
        disk.replace("backup/backup", with: mark)
        let restored: BackupReport
        do {
            restored = try Backup(disk: disk).restore("backup", to: "restored")
        } catch {
            guard case .incomplete = error else { report("a wrong mark is told as \(error)") }
            return
        }
        expect(
            restored.files == UInt64(files.count) && restored.bytes == UInt64(files.values.reduce(0, +)),
            "restored \(restored)")
        let text = String(decoding: mark, as: UTF8.self)
        expect(text.contains("lsn="), "restored after a mark without a lsn")
    }

    static func seeds() throws -> [[UInt8]] {
        ["starling backup 1 lsn=1048000 files=2 bytes=17", "starling backup 1 lsn=1 files=1 bytes=88"].map {
            sealed(Array($0.utf8))
        }
    }
}
