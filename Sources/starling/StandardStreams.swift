import Foundation
import Glibc

/// Lines for people and scripts.
enum StandardOutput {
    /// A line that leaves at once: a script may wait for it.
    static func print(_ line: String) {
        write(line)
        flush()
    }

    /// A line that may stay in the buffer for now.
    static func write(_ line: String) { Swift.print(line) }

    /// Lets go of what `write` has buffered.
    static func flush() { fflush(nil) }
}

/// Lines about what goes wrong, and how far things are.
enum StandardError {
    static func print(_ line: String) { write(line + "\n") }

    /// Writes over the current line of a terminal.
    static func printInPlace(_ line: String) { write("\r\u{1B}[2K" + line) }

    /// The time now, as lines of the log begin.
    static var time: String { Date().ISO8601Format(.init(includingFractionalSeconds: true)) }

    static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    /// Whether somebody watches: only then do progress bars make sense.
    static var isTerminal: Bool { isatty(STDERR_FILENO) != 0 }

    /// Ends the process without running anything else.
    static func exit(code: Int32) -> Never { _exit(code) }
}

/// The machine's processors.
enum Processors {
    static var count: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
