import StarlingSimulation

@testable import StarlingLog

/// The file that says where a log begins.
enum StartTarget: FuzzTarget {
    static let name = "start"
    static let maximumBytes = 2 * usedBytes
    private static let usedBytes = 52
    private static let copyOffset = 4096

    static func run(_ input: UnsafeRawBufferPointer) throws {
        try check(Array(input))
        var file = expand(Array(input))
        try check(file)
        seal(&file)
        try check(file)
    }

    /// The file of an input, in which the two copies stand one behind the other.
    static func expand(_ input: [UInt8]) -> [UInt8] {
        let first = input.prefix(usedBytes)
        return first + [UInt8](repeating: 0, count: copyOffset - first.count) + input.dropFirst(usedBytes)
    }

    /// The input that stands for a file.
    static func shorten(_ file: [UInt8]) -> [UInt8] { Array(file.prefix(usedBytes) + file.dropFirst(copyOffset)) }

    /// Makes the checksums of both copies right.
    static func seal(_ file: inout [UInt8]) {
        file.withUnsafeMutableBytes { bytes in
            for offset in [0, copyOffset] where offset + usedBytes <= bytes.count {
                let end = offset + usedBytes - 4
                bytes.store(bytes.checksum(offset..<end), at: end)
            }
        }
    }

    private static func check(_ file: [UInt8]) throws {
        let disk = SimulatedDisk(seed: 1)
        disk.replace("data/log/" + LogFiles.start, with: file)
        guard case .start(let start)? = try? StartFile.read(directory: "data/log", disk: disk) else { return }
        let survey = try LogSurvey.run(directory: "data/log", disk: disk, expectation: LogExpectation())
        guard case .refused(.missing) = survey.verdict else { report("a beginning without a segment is no loss") }
        try start.install(directory: "data/log", disk: disk)
        let again = try StartFile.read(directory: "data/log", disk: disk)
        expect(again == .start(start), "what was written reads differently")
    }

    static func seeds() throws -> [[UInt8]] {
        let inputs = try SeedLog.images.compactMap { $0.named(LogFiles.start) }.map(shorten)
        return inputs + inputs.map { Array($0[..<usedBytes]) }
    }
}
