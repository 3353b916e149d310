import Glibc

/// A parser of bytes from the disk, and what has to hold for all bytes. A crash, a trap, an error that `run` lets through
/// and a broken `expect` are findings.
protocol FuzzTarget {
    /// What it is called on the command line.
    static var name: String { get }
    /// Bytes of the longest input that is of use.
    static var maximumBytes: Int { get }
    /// Gives the input to the parser, as it is and with checksums that are right.
    static func run(_ input: UnsafeRawBufferPointer) throws
    /// Inputs to begin with, made by the program's own writers.
    static func seeds() throws -> [[UInt8]]
}

/// All targets, in the order in which `run.sh` runs them.
let fuzzTargets: [any (FuzzTarget & Sendable).Type] = [
    BatchTarget.self, FrameTarget.self, EnvelopeTarget.self, SegmentTarget.self, LogTarget.self, SalvageTarget.self,
    IndexTarget.self, StartTarget.self, WatermarkTarget.self, ManifestTarget.self, PagesTarget.self, MarkTarget.self,
    FactsTarget.self,
]

/// Ends the process, which makes libFuzzer keep the input.
func report(_ finding: String) -> Never {
    writeError("FINDING: \(finding)")
    abort()
}

/// Writes a line to standard error.
func writeError(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}

/// What has to hold for every input.
@inline(__always)
func expect(_ condition: Bool, _ finding: @autoclosure () -> String) {
    if !condition { report(finding()) }
}
