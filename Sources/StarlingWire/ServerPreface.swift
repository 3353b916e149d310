import NIOCore

/// What a server thinks of a client's preface.
public enum PrefaceStatus: UInt8, Sendable, CaseIterable {
    /// Frames may follow.
    case ok = 0
    /// There is no version that both sides speak. The server closes.
    case unsupportedVersion = 1
    /// A token is needed, or the one given is not valid. The server closes.
    case authenticationRequired = 2
    /// The server has too many connections or is shutting down. Try again later. The server closes.
    case busy = 3
}

/// What a server answers to a client's preface.
public struct ServerPreface: Sendable, Hashable {
    /// The version that both speak from here on. 0 unless the status is `ok`.
    public var version: UInt8
    /// Whether the client may go on.
    public var status: PrefaceStatus
    /// The most requests that may be unanswered at any time.
    public var maxInFlight: UInt16
    /// The most bytes of a payload, in both directions.
    public var maxPayloadBytes: UInt32
    /// The server's name and version, or why it refuses.
    public var text: String

    /// Bytes before the text: magic, version, status, two limits, length of the text.
    static let fixedBytes = 14

    /// A preface.
    public init(version: UInt8, status: PrefaceStatus, maxInFlight: UInt16, maxPayloadBytes: UInt32, text: String) {
        self.version = version
        self.status = status
        self.maxInFlight = maxInFlight
        self.maxPayloadBytes = maxPayloadBytes
        self.text = text
    }

    /// Takes a preface from the front of `buffer`. Nil, and nothing taken, if it is not all there yet.
    public static func decode(from buffer: inout ByteBuffer) throws(WireError) -> ServerPreface? {
        try PrefaceMagic.check(buffer)
        let start = buffer.readerIndex
        guard
            let (version, statusByte, maxInFlight, maxPayloadBytes, textLength) = buffer.getMultipleIntegers(
                at: start + PrefaceMagic.bytes.count, endianness: .little,
                as: (UInt8, UInt8, UInt16, UInt32, UInt16).self)
        else { return nil }
        guard let status = PrefaceStatus(rawValue: statusByte) else { throw .unknownStatus(statusByte) }
        guard textLength <= WireLimits.maxTextBytes else {
            throw .badText(declared: Int(textLength), limit: WireLimits.maxTextBytes)
        }
        guard let bytes = buffer.getBytes(at: start + fixedBytes, length: Int(textLength)) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .badText(declared: bytes.count, limit: WireLimits.maxTextBytes)
        }
        buffer.moveReaderIndex(forwardBy: fixedBytes + bytes.count)
        return ServerPreface(
            version: version, status: status, maxInFlight: maxInFlight, maxPayloadBytes: maxPayloadBytes, text: text)
    }

    /// Appends the preface to `buffer`. A text that is too long is cut between two characters.
    public func encode(into buffer: inout ByteBuffer) {
        var text = text
        while text.utf8.count > WireLimits.maxTextBytes { text.removeLast() }
        buffer.writeBytes(PrefaceMagic.bytes)
        buffer.writeMultipleIntegers(
            version, status.rawValue, maxInFlight, maxPayloadBytes, UInt16(text.utf8.count), endianness: .little)
        buffer.writeString(text)
    }
}
