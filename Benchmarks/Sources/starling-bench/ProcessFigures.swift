import Foundation
import Glibc

/// What the kernel says of a process.
enum ProcessFigures {
    /// All of a file of /proc, which says nothing of its length and comes in short pieces.
    private static func text(_ path: String) -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else { return "" }
        defer { try? handle.close() }
        return String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    }

    /// Fields of /proc/PID/status and /proc/PID/smaps_rollup that are given in kB, in bytes.
    private static func kilobytes(_ path: String) -> [String: UInt64] {
        var fields: [String: UInt64] = [:]
        for line in text(path).split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ":" })
            if words.count == 3, words[2] == "kB", let number = UInt64(words[1]) {
                fields[String(words[0])] = number << 10
            }
        }
        return fields
    }

    /// Memory of a process, now.
    static func memory(_ process: Int32) -> MemorySample {
        let status = kilobytes("/proc/\(process)/status")
        return MemorySample(
            rss: status["VmRSS"] ?? 0, anonymous: status["RssAnon"] ?? 0, file: status["RssFile"] ?? 0,
            peak: status["VmHWM"] ?? 0)
    }

    /// Bytes in anonymous huge pages. Walks the page tables: some ten milliseconds.
    static func hugePageBytes(_ process: Int32) -> UInt64 {
        kilobytes("/proc/\(process)/smaps_rollup")["AnonHugePages"] ?? 0
    }

    /// Lets the peak begin anew.
    static func resetPeak(_ process: Int32) {
        try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/\(process)/clear_refs"))
    }

    /// Whether the process has mapped files whose names end in `suffix`.
    static func maps(_ process: Int32, suffix: String) -> Bool {
        let maps = text("/proc/\(process)/maps")
        return maps.split(separator: "\n").contains { $0.hasSuffix(suffix) || $0.hasSuffix(suffix + " (deleted)") }
    }

    /// Seconds of processor time that the process has used: user and system. Resolution 10 ms.
    static func processorSeconds(_ process: Int32) -> Double {
        let stat = text("/proc/\(process)/stat")
        let fields = stat.split(separator: ")").last.map { $0.split(separator: " ") } ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

/// Memory of a process, in bytes.
struct MemorySample: Codable {
    var rss: UInt64 = 0
    var anonymous: UInt64 = 0
    /// Pages of mapped files.
    var file: UInt64 = 0
    /// The highest `rss` so far.
    var peak: UInt64 = 0
}

/// How much of the machine went to processes other than the measured ones.
struct MachineLoad {
    private let start = monotonicSeconds()
    private let busy = Self.busySeconds()

    private static func busySeconds() -> Double {
        let stat = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let words = stat.split(separator: "\n").first?.split(separator: " ").compactMap { Double($0) } ?? []
        guard words.count >= 8 else { return 0 }
        // user, nice, system, irq, softirq, steal: not idle and iowait.
        return (words[0] + words[1] + words[2] + words[5] + words[6] + words[7]) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Processors that were busy with something else since the start; `own` are the seconds of the measured process, to
    /// which those of this harness come.
    func others(own: Double, harness: Double) -> Double {
        max(0, (Self.busySeconds() - busy - own - harness) / max(monotonicSeconds() - start, 1e-3))
    }
}

/// Seconds of the monotonic clock.
func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
