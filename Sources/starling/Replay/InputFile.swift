import Foundation

/// The bytes of a plain or gzip file, in large pieces. gzip files are expanded by the `gzip` program in a process of its
/// own, so that expanding runs beside the replay.
final class InputFile {
    let path: String
    /// Bytes when expanded, as far as they are known: for a bar.
    let totalBytes: Int?
    private let handle: FileHandle
    private let expander: Process?

    private static let pieceBytes = 1 << 20

    init(path: String) throws {
        self.path = path
        let file: FileHandle
        do { file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path)) } catch {
            throw Failure("\(path) cannot be opened: \(error.localizedDescription)", code: 66)
        }
        let magic = try file.read(upToCount: 2) ?? Data()
        let size = try file.seekToEnd()
        guard magic.elementsEqual([0x1f, 0x8b]) else {
            try file.seek(toOffset: 0)
            handle = file
            expander = nil
            totalBytes = Int(size)
            return
        }
        // The last four bytes of a gzip file are its expanded size modulo 2^32 (RFC 1952).
        try file.seek(toOffset: size >= 4 ? size - 4 : 0)
        let trailer = try file.read(upToCount: 4) ?? Data()
        totalBytes = trailer.count == 4 ? trailer.reversed().reduce(0) { $0 << 8 | Int($1) } : nil
        try file.close()
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", "--", path]
        process.standardOutput = output
        // Its complaints would stand in the middle of a progress bar; the exit status says that something is wrong.
        process.standardError = FileHandle.nullDevice
        try process.run()
        handle = output.fileHandleForReading
        expander = process
    }

    /// The next piece; nil at the end.
    func next() throws -> Data? {
        let piece = try handle.read(upToCount: Self.pieceBytes)
        if let piece, !piece.isEmpty { return piece }
        if let expander {
            expander.waitUntilExit()
            guard expander.terminationStatus == 0 else {
                throw Failure("\(path) is damaged: gzip ended with status \(expander.terminationStatus)", code: 65)
            }
        }
        return nil
    }

    deinit { if let expander, expander.isRunning { expander.terminate() } }
}
