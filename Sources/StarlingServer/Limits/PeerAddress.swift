import NIOCore
import StarlingLimits

extension IPAddress {
    /// The address of a socket; nil for one that is not of the Internet.
    init?(_ socket: SocketAddress?) {
        switch socket {
        case .v4(let address):
            // `sin_addr` of `sockaddr_in`, in network byte order.
            self.init(ipv4: withUnsafeBytes(of: address.address) { UInt32(bigEndian: $0.load(at: 4)) })
        case .v6(let address):
            // `sin6_addr` of `sockaddr_in6`.
            let (high, low) = withUnsafeBytes(of: address.address) {
                (UInt64(bigEndian: $0.load(at: 8)), UInt64(bigEndian: $0.load(at: 16)))
            }
            self.init(ipv6: high, low)
        case .unixDomainSocket, nil: return nil
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func load<Number: FixedWidthInteger>(at offset: Int) -> Number {
        loadUnaligned(fromByteOffset: offset, as: Number.self)
    }
}
