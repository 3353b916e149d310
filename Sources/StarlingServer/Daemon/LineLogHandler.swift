import Logging
import Synchronization

/// Writes log lines: time, level, text and metadata, one line each, whatever they hold. Control characters are escaped, so that
/// text from a client cannot begin a line of its own or command a terminal; what is kept under a name of secrets is not
/// written.
public struct LineLogHandler: LogHandler {
    /// Fields of every line.
    public var metadata = Logger.Metadata()
    /// Gives more of them.
    public var metadataProvider: Logger.MetadataProvider?
    private let threshold: Threshold
    private let time: @Sendable () -> String
    private let write: @Sendable (String) -> Void

    /// The level that all loggers share, so that it can change while running.
    public final class Threshold: Sendable {
        private let level: Mutex<Logger.Level>

        /// Begins with `level`.
        public init(_ level: Logger.Level) { self.level = Mutex(level) }

        /// The least level that is written.
        public var current: Logger.Level {
            get { level.withLock { $0 } }
            set { level.withLock { $0 = newValue } }
        }
    }

    /// - Parameters:
    ///   - time: what a line begins with.
    ///   - write: takes a line with its end. Any thread may call it.
    public init(
        threshold: Threshold, time: @escaping @Sendable () -> String, write: @escaping @Sendable (String) -> Void
    ) {
        self.threshold = threshold
        self.time = time
        self.write = write
    }

    /// The least level that is written, by any logger.
    public var logLevel: Logger.Level {
        get { threshold.current }
        set { threshold.current = newValue }
    }

    /// One of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        var line = "\(time()) \(event.level) \(Self.escaped("\(event.message)"))"
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " \(Self.escaped(key))=\(Self.isSecret(key) ? "(not written)" : Self.quoted("\(value)"))"
        }
        write(line + "\n")
    }

    /// Names under which secrets are sent.
    private static let secretNames = ["authorization", "cookie", "token", "password", "secret", "key"]

    private static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return secretNames.contains { name.hasSuffix($0) }
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && !text.contains { $0 == " " || $0 == "\"" || $0 == "=" }
        return isPlain ? escaped(text) : "\"\(escaped(text).replacing("\"", with: "\\\""))\""
    }

    /// Control characters, and those that change the direction of text or end a line, as `\u{..}`.
    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
        default: false
        }
    }
}
