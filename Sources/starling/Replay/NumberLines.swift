import Foundation

/// Lines of two numbers and perhaps a word, separated by spaces or tabs, as in SNAP's edge lists. Lines that begin with `#`
/// and empty lines are passed over.
struct NumberLines {
    /// One line.
    struct Line {
        var first: UInt64
        var second: UInt64
        /// What follows the numbers, at most 8 bytes of it, as they stand; 0 for nothing.
        var word: UInt64
    }

    private let file: InputFile
    private var piece = Data()
    private var position = 0
    private var rest: [UInt8] = []
    private(set) var lineNumber = 0
    /// Bytes taken from the file so far.
    private(set) var bytesRead = 0

    /// The longest line.
    private static let maximumLineBytes = 4_096

    init(_ file: InputFile) { self.file = file }

    var path: String { file.path }
    var totalBytes: Int? { file.totalBytes }

    /// The next line that holds numbers; nil at the end.
    mutating func next() throws -> Line? {
        while let bytes = try nextLine() {
            lineNumber += 1
            var parser = LineParser(bytes: bytes)
            if parser.isEmptyOrComment { continue }
            guard let first = parser.number(), let second = parser.number() else {
                throw Failure(
                    "\(path):\(lineNumber): two numbers are needed, found \"\(String(decoding: bytes.prefix(80), as: UTF8.self))\"",
                    code: 65)
            }
            return Line(first: first, second: second, word: parser.word())
        }
        return nil
    }

    private mutating func nextLine() throws -> [UInt8]? {
        var line = rest
        rest = []
        while true {
            if position >= piece.count {
                guard let more = try file.next() else { return line.isEmpty ? nil : line }
                piece = more
                position = 0
                bytesRead += more.count
            }
            let found = piece.withUnsafeBytes { bytes -> Bool in
                var end = position
                while end < bytes.count, bytes[end] != 0x0a { end += 1 }
                line.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
                position = end + 1
                return end < bytes.count
            }
            if line.count > Self.maximumLineBytes {
                throw Failure(
                    "\(path):\(lineNumber + 1): a line is longer than \(Self.maximumLineBytes) bytes", code: 65)
            }
            if found { return line }
        }
    }
}

/// Takes numbers and a word from a line.
private struct LineParser {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
        skipSpace()
    }

    var isEmptyOrComment: Bool { position == bytes.count || bytes[position] == UInt8(ascii: "#") }

    private mutating func skipSpace() {
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 || bytes[position] == 0x0d {
            position += 1
        }
    }

    mutating func number() -> UInt64? {
        let start = position
        var value: UInt64 = 0
        while position < bytes.count, case let digit = bytes[position] &- 0x30, digit < 10 {
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, over) = product.addingReportingOverflow(UInt64(digit))
            if tooLarge || over { return nil }
            value = sum
            position += 1
        }
        guard position > start, position == bytes.count || bytes[position] <= 0x20 else { return nil }
        skipSpace()
        return value
    }

    mutating func word() -> UInt64 {
        var value: UInt64 = 0
        for byte in bytes[position...].prefix(8) where byte > 0x20 && byte < 0x7f { value = value << 8 | UInt64(byte) }
        return value
    }
}
