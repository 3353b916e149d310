import Foundation

/// Where results are written: one JSON with every run and one Markdown table.
enum ResultFiles {
    /// Returns the paths.
    static func write(
        _ results: some Encodable, table: String, to directory: String, name: String, _ machine: Machine
    ) throws -> [String] {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let base = "\(directory)/\(machine.date.prefix(10))-\(name)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(results).write(to: URL(fileURLWithPath: base + ".json"))
        try Data((table + "\n").utf8).write(to: URL(fileURLWithPath: base + ".md"))
        return [base + ".json", base + ".md"]
    }
}
