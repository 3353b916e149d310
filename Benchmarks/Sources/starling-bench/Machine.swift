import Foundation

/// On what, and of what, a result was measured.
struct Machine: Codable {
    var date: String
    var commit: String
    var processors: Int
    var processorName: String
    var kernel: String
    var memoryBytes: UInt64

    static func describe() -> Machine {
        let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = cpuinfo.split(separator: "\n").first { $0.hasPrefix("model name") }
        let release = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
        return Machine(
            date: Date().ISO8601Format(), commit: commit(),
            processors: ProcessInfo.processInfo.activeProcessorCount,
            processorName: model?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown",
            kernel: release.trimmingCharacters(in: .whitespacesAndNewlines),
            memoryBytes: ProcessInfo.processInfo.physicalMemory)
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
