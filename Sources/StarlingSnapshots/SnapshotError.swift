import StarlingSystem

/// Everything that can go wrong with a snapshot.
public enum SnapshotError: Error, Equatable, Sendable {
    /// A file does not hold what it should. `place` says where in it: `header`, `region 2 page 17`. Nothing was changed
    /// on disk.
    case damaged(file: String, place: String, reason: String)
    /// A file was written by a version that this program does not know.
    case unknownFormat(file: String, version: UInt64)
    /// A file carries the id of another log.
    case foreign(file: String, found: UInt64, expected: UInt64)
    /// A file that a manifest names is not there.
    case missing(file: String)
    /// The disk failed.
    case disk(DiskError)
    /// There is a snapshot of that lsn already. Discard it first if it is damaged.
    case alreadyInstalled(lsn: UInt64)
    /// A region of the snapshot is larger than the memory that was reserved for it.
    case regionTooSmall(region: Int, byteCount: Int, reservedBytes: Int)
    /// The caller asked for something that contradicts itself: a page twice, a page that is not there, an image with
    /// holes.
    case invalidRequest(String)

    /// The exit code of a program that ends because of this error: 65 data damaged, 66 data missing, 70 internal, 74
    /// failure of the disk, 78 configuration or unknown format.
    public var exitCode: Int32 {
        switch self {
        case .damaged, .foreign: 65
        case .missing: 66
        case .alreadyInstalled, .invalidRequest: 70
        case .disk: 74
        case .unknownFormat, .regionTooSmall: 78
        }
    }

    /// A failed call to the disk, told as `missing` when the file is not there.
    static func opening(_ file: String, _ error: DiskError) -> SnapshotError {
        error.code == SystemErrorCode.notFound ? .missing(file: file) : .disk(error)
    }
}

extension SnapshotError: CustomStringConvertible {
    /// One line for people: what happened, where, and what can be done.
    public var description: String {
        switch self {
        case .damaged(let file, let place, let reason):
            "snapshot file \(file) is damaged at \(place): \(reason). A start goes on with an older snapshot and the log, "
                + "or with a log that begins with record 1; without any of them, restore a backup."
        case .unknownFormat(let file, let version):
            "snapshot file \(file) has a format of version \(version) that this program does not know. Use the "
                + "program that wrote it, or move the file away to rebuild from the log."
        case .foreign(let file, let found, let expected):
            "snapshot file \(file) belongs to log \(hexadecimal(found)), not \(hexadecimal(expected)). Is the right "
                + "directory mounted?"
        case .missing(let file):
            "snapshot file \(file) is not there. Restore it from a backup, or use an older snapshot."
        case .disk(let error):
            "snapshot: \(error)"
        case .alreadyInstalled(let lsn):
            "there is a snapshot of lsn \(lsn) already. If it is damaged, discard it first."
        case .regionTooSmall(let region, let byteCount, let reservedBytes):
            "region \(region) of the snapshot holds \(byteCount) bytes, but only \(reservedBytes) are reserved for it. "
                + "Configure a larger reservation."
        case .invalidRequest(let text):
            "snapshot refused: \(text)"
        }
    }
}

/// 16 lowercase digits, as log ids are shown.
func hexadecimal(_ value: UInt64) -> String { hexadecimal(value, digits: 16) }

/// Lowercase digits, filled up with zeros in front.
func hexadecimal(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// The value of exactly `digits` lowercase hexadecimal digits. Nil for anything else, such as a sign.
func parseHexadecimal(_ text: String, digits: Int) -> UInt64? {
    guard text.utf8.count == digits, isLowercaseHexadecimal(text) else { return nil }
    return UInt64(text, radix: 16)
}

/// Whether there are only the characters 0 to 9 and a to f.
func isLowercaseHexadecimal(_ text: String) -> Bool {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (0x61...0x66).contains($0) }
}
