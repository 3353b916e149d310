import Foundation
import StarlingServer
import Yams

/// The configuration file: YAML whose nested names are the settings' keys, so that
///
///     fanout:
///       celebrityThreshold: 5000
///
/// and `fanout.celebrityThreshold: 5000` say the same.
enum ConfigurationFile {
    /// Larger files are refused before they are read.
    private static let maximumBytes = 1 << 20

    static func apply(path: String, to configuration: inout DaemonConfiguration) throws {
        let text: String
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            let data = try handle.read(upToCount: maximumBytes + 1) ?? Data()
            guard data.count <= maximumBytes else {
                throw ConfigurationError(key: path, reason: "it is larger than \(maximumBytes) bytes")
            }
            text = String(decoding: data, as: UTF8.self)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(key: path, reason: "it cannot be read: \(error.localizedDescription)")
        }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            // The parser draws the place over several lines; one line is promised.
            let place = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
            throw ConfigurationError(key: path, reason: "it is not YAML: \(place)")
        }
        guard let root else { return }
        try apply(root, prefix: "", path: path, to: &configuration)
    }

    private static func apply(
        _ node: Node, prefix: String, path: String, to configuration: inout DaemonConfiguration
    ) throws {
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard let name = key.string else {
                    throw ConfigurationError(key: path, reason: "a key under \"\(prefix)\" is not text")
                }
                try apply(value, prefix: prefix.isEmpty ? name : "\(prefix).\(name)", path: path, to: &configuration)
            }
        case .scalar(let scalar): try configuration.set(prefix, scalar.string)
        case .sequence, .alias:
            throw ConfigurationError(key: prefix, reason: "\(path) gives a list; a single value is needed")
        }
    }
}
