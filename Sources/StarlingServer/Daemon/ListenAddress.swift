/// A host and a port to listen on.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public var host: String
    /// 0 picks a free one.
    public var port: Int

    /// From `HOST:PORT` or `[IPV6]:PORT`; nil when it is neither.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.allSatisfy(\.isASCIIDigit), let port = UInt16(digits) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains("["), !host.contains("]") else { return nil }
        self.host = String(host)
        self.port = Int(port)
    }

    /// From its parts.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Whether only programs on this machine can reach it.
    public var isLoopback: Bool { host == "localhost" || host == "::1" || isLoopbackNumber }

    /// Whether the host is a number of 127.0.0.0/8; a name that only begins like one can be anybody's.
    private var isLoopbackNumber: Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { $0.allSatisfy(\.isASCIIDigit) && UInt8($0) != nil }
    }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension Character {
    /// One of `0` to `9`: what `Int` takes besides, such as a sign, has no place in an address.
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
