import NIOCore

/// What a client sends first.
public struct ClientPreface: Sendable, Hashable {
    /// The versions that the client speaks.
    public var versions: ClosedRange<UInt8>
    /// The access token. Empty without authentication.
    public var token: [UInt8]

    /// Bytes before the token: magic, two versions, flags, length of the token.
    static let fixedBytes = 10

    /// A preface.
    public init(versions: ClosedRange<UInt8> = PrefaceMagic.versions, token: [UInt8] = []) {
        self.versions = versions
        self.token = token
    }

    /// The newest version that both sides speak. Nil if there is none.
    public func negotiatedVersion(with server: ClosedRange<UInt8> = PrefaceMagic.versions) -> UInt8? {
        let newest = min(versions.upperBound, server.upperBound)
        return newest >= max(versions.lowerBound, server.lowerBound) ? newest : nil
    }

    /// Takes a preface from the front of `buffer`. Nil, and nothing taken, if it is not all there yet.
    public static func decode(from buffer: inout ByteBuffer) throws(WireError) -> ClientPreface? {
        try PrefaceMagic.check(buffer)
        let start = buffer.readerIndex
        guard
            let (minimum, maximum, flags, tokenLength) = buffer.getMultipleIntegers(
                at: start + PrefaceMagic.bytes.count, endianness: .little, as: (UInt8, UInt8, UInt16, UInt16).self)
        else { return nil }
        guard minimum >= 1, minimum <= maximum else {
            throw .badVersionRange(minimum: minimum, maximum: maximum)
        }
        guard flags == 0 else { throw .unknownPrefaceFlags(flags) }
        guard tokenLength <= WireLimits.maxTokenBytes else {
            throw .tokenTooLong(declared: Int(tokenLength), limit: WireLimits.maxTokenBytes)
        }
        guard let token = buffer.getBytes(at: start + fixedBytes, length: Int(tokenLength)) else { return nil }
        buffer.moveReaderIndex(forwardBy: fixedBytes + token.count)
        return ClientPreface(versions: minimum...maximum, token: token)
    }

    /// Appends the preface to `buffer`.
    public func encode(into buffer: inout ByteBuffer) throws(WireError) {
        guard versions.lowerBound >= 1 else {
            throw .badVersionRange(minimum: versions.lowerBound, maximum: versions.upperBound)
        }
        guard token.count <= WireLimits.maxTokenBytes else {
            throw .tokenTooLong(declared: token.count, limit: WireLimits.maxTokenBytes)
        }
        buffer.writeBytes(PrefaceMagic.bytes)
        buffer.writeMultipleIntegers(
            versions.lowerBound, versions.upperBound, UInt16(0), UInt16(token.count), endianness: .little)
        buffer.writeBytes(token)
    }
}
