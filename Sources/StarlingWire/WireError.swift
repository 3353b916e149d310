/// Why bytes break the TCP protocol. The connection cannot go on after any of these: where the next frame begins is
/// not known, or the peer speaks something else.
public enum WireError: Error, Equatable, CustomStringConvertible {
    /// The connection does not begin with FB 53 54 4C.
    case badPreface(offset: Int, byte: UInt8)
    /// The least version is 0 or above the greatest.
    case badVersionRange(minimum: UInt8, maximum: UInt8)
    /// A flag of the preface is set that has no meaning in this version.
    case unknownPrefaceFlags(UInt16)
    /// The token is longer than allowed.
    case tokenTooLong(declared: Int, limit: Int)
    /// The status in the server's preface is not known.
    case unknownStatus(UInt8)
    /// The text in the server's preface is too long or not UTF-8.
    case badText(declared: Int, limit: Int)
    /// A flag of a frame is set that has no meaning in this version.
    case unknownFlags(UInt16, correlation: UInt64)
    /// The frame is larger than allowed.
    case frameTooLarge(declared: Int, limit: Int, correlation: UInt64)
    /// The frame carries a context, but is too short for the length of one.
    case contextMissing(payloadLength: Int, correlation: UInt64)
    /// The context is longer than the frame that carries it, or than allowed.
    case contextTooLong(declared: Int, limit: Int, correlation: UInt64)
    /// The context is no `RequestContext`.
    case badContext(cause: String, correlation: UInt64)

    /// The error in words.
    public var description: String {
        switch self {
        case .badPreface(let offset, let byte):
            "byte \(offset) of the connection is \(byte), but a connection begins with FB 53 54 4C: is this the port?"
        case .badVersionRange(let minimum, let maximum):
            "the preface offers the versions \(minimum) to \(maximum), which is no range"
        case .unknownPrefaceFlags(let flags):
            "the preface has the flags \(flags), of which none is defined"
        case .tokenTooLong(let declared, let limit):
            "the token is \(declared) bytes long, at most \(limit) are allowed"
        case .unknownStatus(let status):
            "the server answered with the status \(status), which is not known"
        case .badText(let declared, let limit):
            "the server's text of \(declared) bytes is not UTF-8 of at most \(limit) bytes"
        case .unknownFlags(let flags, let correlation):
            "frame \(correlation) has the flags \(flags), of which some are not defined"
        case .frameTooLarge(let declared, let limit, let correlation):
            "frame \(correlation) has \(declared) bytes of payload, at most \(limit) are allowed"
        case .contextMissing(let payloadLength, let correlation):
            "frame \(correlation) should carry a context, but has only \(payloadLength) bytes of payload"
        case .contextTooLong(let declared, let limit, let correlation):
            "frame \(correlation) has a context of \(declared) bytes, at most \(limit) are possible"
        case .badContext(let cause, let correlation):
            "frame \(correlation): \(cause)"
        }
    }
}
