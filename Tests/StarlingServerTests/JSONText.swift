import Foundation

/// Pieces of JSON and files for tests.
enum JSONText {
    /// The body that sets these settings.
    static func object(_ values: [String: String]) -> String {
        let data = try? JSONSerialization.data(withJSONObject: ["values": values])
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    /// Makes or replaces a file.
    static func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
}
