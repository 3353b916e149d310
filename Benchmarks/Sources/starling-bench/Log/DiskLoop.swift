import Foundation
import Glibc
import StarlingEngine

/// The disk itself: write so many bytes, fdatasync, again.
struct DiskLoop {
    let directory: String
    let seconds: Double

    /// Bytes that are written before each fdatasync.
    static let sizes = [128, 4_096, 65_536, 1 << 20]
    /// What is overwritten again and again.
    private static let fileBytes = 64 << 20

    static let columns: [Section.Column] = [
        .init(name: "syncs/s", unit: .perSecond), .init(name: "bytes/s", unit: .bytes),
        .init(name: "p50", unit: .seconds), .init(name: "p99", unit: .seconds),
    ]

    /// Appends to a growing file, or overwrites blocks of a file that were written before.
    func measure(size: Int, isOverwriting: Bool) throws -> [Double?] {
        let path = "\(directory)/disk"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { throw ProgramError(text: "\(path): errno \(errno)") }
        defer {
            close(file)
            unlink(path)
        }
        let bytes = [UInt8](repeating: 0x5a, count: size)
        if isOverwriting {
            let piece = [UInt8](repeating: 0x33, count: 1 << 20)
            for place in stride(from: 0, to: Self.fileBytes, by: piece.count) { try write(piece, file, place) }
            guard fdatasync(file) == 0 else { throw ProgramError(text: "fdatasync: errno \(errno)") }
        }
        var times = DelayHistogram()
        let start = monotonicSeconds()
        var now = start
        var place = 0
        while now - start < seconds {
            try write(bytes, file, place)
            guard fdatasync(file) == 0 else { throw ProgramError(text: "fdatasync: errno \(errno)") }
            place += size
            if isOverwriting, place + size > Self.fileBytes { place = 0 }
            let end = monotonicSeconds()
            times.record(UInt64((end - now) * 1e9), times: 1)
            now = end
        }
        let perSecond = Double(times.total) / (now - start)
        return [
            perSecond, perSecond * Double(size), Double(times.percentile(0.5)) / 1e9,
            Double(times.percentile(0.99)) / 1e9,
        ]
    }

    private func write(_ bytes: [UInt8], _ file: Int32, _ place: Int) throws {
        guard pwrite(file, bytes, bytes.count, place) == bytes.count else {
            throw ProgramError(text: "writing \(directory)/disk: errno \(errno)")
        }
    }
}
