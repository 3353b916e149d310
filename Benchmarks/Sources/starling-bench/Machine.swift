import Foundation

/// On what, and of what, a result was measured.
struct Machine: Codable {
    var date: String
    var commit: String
    var processors: Int
    var processorName: String
    var kernel: String
    var memoryBytes: UInt64
    /// Programs that wanted a processor, on average over the last minute, when the run began.
    var loadAverage: Double

    /// `revision` is what was measured, when that is not the commit of the working directory.
    static func describe(revision: String? = nil) -> Machine {
        let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = cpuinfo.split(separator: "\n").first { $0.hasPrefix("model name") }
        let release = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
        let loads = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
        return Machine(
            date: Date().ISO8601Format(), commit: revision ?? commit(),
            processors: ProcessInfo.processInfo.activeProcessorCount,
            processorName: model?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown",
            kernel: release.trimmingCharacters(in: .whitespacesAndNewlines),
            memoryBytes: ProcessInfo.processInfo.physicalMemory,
            loadAverage: Double(loads.split(separator: " ").first ?? "0") ?? 0)
    }

    /// One line for tables.
    var line: String {
        "\(date), commit \(commit), \(processors) processors (\(processorName)), kernel \(kernel), load average"
            + " \(loadAverage) at the start."
    }

    private static func commit() -> String {
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["git", "describe", "--always", "--dirty"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return "unknown" }
        let data = (try? output.fileHandleForReading.readToEnd()) ?? nil
        process.waitUntilExit()
        return String(decoding: data ?? Data(), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
