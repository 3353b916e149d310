import StarlingEngine
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// A file with rules of moderation: JSON, as `PUT /v1/moderation/rules` takes it. Read at the start and at each SIGHUP; what it says
/// then takes the place of the rules in force.
struct ModerationRulesFile: Sendable {
    let path: String
    let disk: any Disk

    static let key = "moderation.rules"
    /// Larger files hold more than there may be.
    private static let maximumBytes: UInt64 = 1 << 20

    /// Reads the file and puts its rules in force. Returns whether they are others than before.
    func load(into engine: Engine) async throws(ConfigurationError) -> Bool {
        let rules = try read()
        let result = await withCheckedContinuation { continuation in
            engine.submit(.setModerationRules(rules), WriteContext(actor: UserID(rawValue: 0))) {
                continuation.resume(returning: $0)
            }
        }
        switch result {
        case .success(let receipt):
            if case .changed(true) = receipt.outcome { return true }
            return false
        case .failure(let error): throw ConfigurationError(key: Self.key, reason: "\(error)")
        }
    }

    private func read() throws(ConfigurationError) -> ModerationRules {
        do {
            let bytes = try contents()
            let message = try Starling_V1_ModerationRules(jsonUTF8Bytes: bytes)
            return try ModerationRules(words: message.words, patterns: message.patterns)
        } catch {
            throw ConfigurationError(key: Self.key, reason: "\(path) cannot be used: \(error)")
        }
    }

    private func contents() throws -> [UInt8] {
        let file = try disk.open(path, .read)
        defer { file.close() }
        let size = try file.size()
        guard size <= Self.maximumBytes else { throw TooLarge(bytes: size) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return Array(bytes.prefix(count))
    }

    private struct TooLarge: Error, CustomStringConvertible {
        let bytes: UInt64
        var description: String { "it has \(bytes) bytes, at most \(maximumBytes) are possible" }
    }
}
