import Foundation
import StarlingServer
import Yams

/// The configuration file: YAML whose nested names are the settings' keys, so that
///
///     fanout:
///       celebrityThreshold: 5000
///
/// and `fanout.celebrityThreshold: 5000` say the same. Lists are for the settings that are lists.
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
        case .sequence(let sequence):
            guard DaemonConfiguration.listKeys.contains(prefix) else {
                throw ConfigurationError(key: prefix, reason: "\(path) gives a list; a single value is needed")
            }
            try configuration.set(prefix, try list(sequence, key: prefix, path: path))
        case .alias: throw ConfigurationError(key: prefix, reason: "\(path) gives an alias; a value is needed")
        }
    }

    /// A list as a setting's text: plain values with commas between them, anything else as JSON.
    private static func list(_ sequence: Node.Sequence, key: String, path: String) throws -> String {
        let values = sequence.compactMap(\.scalar?.string)
        guard values.count < sequence.count else {
            guard !values.contains(where: { $0.contains(",") }) else {
                throw ConfigurationError(key: key, reason: "\(path) gives a value with a comma")
            }
            return values.joined(separator: ",")
        }
        let tree = try sequence.map { try jsonValue($0, key: key, path: path) }
        return String(decoding: try JSONSerialization.data(withJSONObject: tree, options: .sortedKeys), as: UTF8.self)
    }

    /// Numbers too become text: the schema's JSON takes them so.
    private static func jsonValue(_ node: Node, key: String, path: String) throws -> Any {
        switch node {
        case .scalar(let scalar): return scalar.string
        case .sequence(let sequence): return try sequence.map { try jsonValue($0, key: key, path: path) }
        case .mapping(let mapping):
            var object: [String: Any] = [:]
            for (name, value) in mapping {
                guard let name = name.string else {
                    throw ConfigurationError(key: key, reason: "\(path) gives a key that is not text")
                }
                object[name] = try jsonValue(value, key: key, path: path)
            }
            return object
        case .alias: throw ConfigurationError(key: key, reason: "\(path) gives an alias; a value is needed")
        }
    }
}
