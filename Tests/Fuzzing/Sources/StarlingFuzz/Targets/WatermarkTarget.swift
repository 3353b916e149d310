import StarlingSimulation
import StarlingSystem

@testable import StarlingLog

/// The watermark file.
enum WatermarkTarget: FuzzTarget {
    static let name = "watermark"
    static let maximumBytes = 2 * usedBytes
    private static let usedBytes = 36
    private static let slotBytes = 4096

    static func run(_ input: UnsafeRawBufferPointer) throws {
        try check(Array(input))
        var file = expand(Array(input))
        try check(file)
        seal(&file)
        try check(file)
    }

    /// The file of an input, in which the used parts of the two slots stand one behind the other.
    static func expand(_ input: [UInt8]) -> [UInt8] {
        let first = input.prefix(usedBytes)
        return first + [UInt8](repeating: 0, count: slotBytes - first.count) + input.dropFirst(usedBytes)
    }

    /// The input that stands for a file.
    static func shorten(_ file: [UInt8]) -> [UInt8] {
        Array(file.prefix(usedBytes) + file.dropFirst(slotBytes).prefix(usedBytes))
    }

    /// Makes the checksums of both slots right.
    static func seal(_ file: inout [UInt8]) {
        file.withUnsafeMutableBytes { bytes in
            for offset in [0, slotBytes] where offset + usedBytes <= bytes.count {
                let end = offset + usedBytes - 4
                bytes.store(bytes.checksum(offset..<end), at: end)
            }
        }
    }

    private static func check(_ content: [UInt8]) throws {
        let disk = SimulatedDisk(seed: 1)
        disk.replace("log/" + LogFiles.watermark, with: content)
        guard let found = try? WatermarkFile.read(directory: "log", disk: disk) else { return }
        expect(found.durableLSN <= LogLimits.highestLSN, "a lsn that no record can have")
        // The writer goes on from what it finds, commit after commit.
        let file = try WatermarkFile(directory: "log", disk: disk, logID: found.logID, previous: found)
        defer { file.close() }
        for lsn in (found.durableLSN + 1)...(found.durableLSN + 3) {
            try file.write(durableLSN: lsn)
            let again = try? WatermarkFile.read(directory: "log", disk: disk)
            let isKnown = again?.durableLSN == lsn && again?.logID == found.logID
            // Nobody gets to the end of the numbers by writing, so then it is enough not to crash.
            let isExhausted = lsn > LogLimits.highestLSN || found.generation > .max / 2 - 10
            expect(isKnown || isExhausted, "a written watermark is not read again")
        }
    }

    static func seeds() throws -> [[UInt8]] {
        try SeedLog.images.compactMap { $0.named(LogFiles.watermark) }.map(shorten)
    }
}
