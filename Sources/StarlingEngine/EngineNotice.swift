/// Something that the engine wants to have logged. It has no log of its own.
public struct EngineNotice: Sendable {
    /// How much it matters.
    public enum Level: Sendable {
        /// For the record.
        case info
        /// Something did not work and will be tried again.
        case warning
        /// Somebody must act.
        case error
    }

    /// How much it matters.
    public var level: Level
    /// One line.
    public var text: String

    /// Creates a notice.
    public init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }
}
