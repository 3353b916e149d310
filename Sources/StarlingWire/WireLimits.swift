/// The bounds of the TCP protocol. Both sides check them before they reserve memory.
public struct WireLimits: Sendable, Hashable {
    /// The most bytes of a payload, together with the context in front of it.
    public var maxPayloadBytes: Int

    /// 1 MiB.
    public static let defaultMaxPayloadBytes = 1 << 20
    /// 16 MiB. No server may allow more.
    public static let greatestMaxPayloadBytes = 16 << 20
    /// The most bytes of a token in the preface.
    public static let maxTokenBytes = 4096
    /// The most bytes of the text in the server's preface.
    public static let maxTextBytes = 1024
    /// The most bytes of a request context.
    public static let maxContextBytes = 4096

    /// Limits with this size of payload. Values outside 4 KiB to 16 MiB are moved to the nearer end.
    public init(maxPayloadBytes: Int = WireLimits.defaultMaxPayloadBytes) {
        self.maxPayloadBytes = min(max(maxPayloadBytes, 4096), Self.greatestMaxPayloadBytes)
    }
}
