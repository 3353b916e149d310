import Glibc

/// An IPv4 or IPv6 address in one form: an IPv4 address is the same however it was written down (`::ffff:192.0.2.1`, or as
/// translated by NAT64 under `64:ff9b::/96`).
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The first 8 bytes, as a big-endian number; 0 for IPv4.
    public let high: UInt64
    /// The last 8 bytes; for IPv4 `0000ffff` and the address.
    public let low: UInt64

    private static let mappedPrefix: UInt64 = 0xffff
    private static let translatedPrefix: UInt64 = 0x0064_ff9b_0000_0000

    /// An IPv4 address in host byte order.
    public init(ipv4 address: UInt32) {
        high = 0
        low = Self.mappedPrefix << 32 | UInt64(address)
    }

    /// An IPv6 address; one that stands for an IPv4 address becomes that.
    public init(ipv6 high: UInt64, _ low: UInt64) {
        let isTranslated = high == Self.translatedPrefix && low >> 32 == 0
        self.high = isTranslated ? 0 : high
        self.low = isTranslated ? Self.mappedPrefix << 32 | low : low
    }

    /// From its text; nil when it is none. Neither a port nor a zone is part of it.
    public init?(_ text: String) {
        // Behind a zero inet_pton would look at nothing.
        if text.utf8.contains(0) { return nil }
        var bytes = (UInt64(0), UInt64(0))
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.init(ipv4: UInt32(bigEndian: UInt32(truncatingIfNeeded: UInt64(littleEndian: bytes.0))))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.init(ipv6: UInt64(bigEndian: bytes.0), UInt64(bigEndian: bytes.1))
        } else {
            return nil
        }
    }

    /// Whether it is an IPv4 address.
    public var isIPv4: Bool { high == 0 && low >> 32 == Self.mappedPrefix }

    /// What limits count by: an IPv4 address itself, of IPv6 the /64 network, since one subscriber has at least that much.
    public var subscriber: IPAddress { isIPv4 ? self : IPAddress(network: high) }

    private init(network high: UInt64) {
        self.high = high
        low = 0
    }

    /// The address as text, IPv6 in full length.
    public var description: String {
        if isIPv4 { return [24, 16, 8, 0].map { String(low >> UInt64($0) & 0xff) }.joined(separator: ".") }
        return [high, low].flatMap { half in [48, 32, 16, 0].map { String(half >> UInt64($0) & 0xffff, radix: 16) } }
            .joined(separator: ":")
    }
}

/// A network: all addresses that begin with the same bits.
public struct AddressRange: Hashable, Sendable, CustomStringConvertible {
    /// Its first address.
    public let first: IPAddress
    /// How many leading bits its addresses share, of 128.
    public let bits: Int

    /// From `ADDRESS` or `ADDRESS/BITS`; nil when it is neither, or when bits behind the prefix are set.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress(String($0)) }) else { return nil }
        first = address
        let width = address.isIPv4 ? 32 : 128
        if parts.count == 1 {
            bits = 128
        } else {
            guard let count = UInt8(parts[1]), count <= width, parts[1].first != "+" else { return nil }
            bits = 128 - width + Int(count)
        }
        guard Self.mask(address, bits) == (address.high, address.low) else { return nil }
    }

    /// Whether `address` belongs to it.
    public func contains(_ address: IPAddress) -> Bool { Self.mask(address, bits) == (first.high, first.low) }

    private static func mask(_ address: IPAddress, _ bits: Int) -> (UInt64, UInt64) {
        let high = bits >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(bits))
        let low = bits <= 64 ? 0 : bits == 128 ? UInt64.max : ~(UInt64.max >> UInt64(bits - 64))
        return (address.high & high, address.low & low)
    }

    /// `ADDRESS/BITS`, or the address alone.
    public var description: String {
        bits == 128 ? "\(first)" : "\(first)/\(first.isIPv4 ? bits - 96 : bits)"
    }
}
