import Glibc

/// A blocking TCP connection to a server on this machine. One thread uses it.
final class LoopbackSocket {
    let descriptor: Int32
    private var buffer: [UInt8]
    private var start = 0
    private var end = 0

    private static let bufferBytes = 1 << 16

    /// Nil when nobody listens there yet.
    init?(port: Int) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        buffer = [UInt8](repeating: 0, count: Self.bufferBytes)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { return nil }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// A port that nobody listens on now.
    static func freePort() throws -> Int {
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(probe) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(probe, $0, length) == 0 ? getsockname(probe, $0, &length) : -1
            }
        }
        guard result == 0 else { throw ProgramError(text: "no free port on loopback: errno \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Glibc.send(
                    descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
                guard count > 0 else { throw ProgramError(text: "the connection ended while sending: errno \(errno)") }
                sent += count
            }
        }
    }

    private func fill() throws {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw ProgramError(text: "the server ended the connection: errno \(errno)") }
        start = 0
        end = count
    }

    /// The bytes up to the next CR LF, without it.
    func line() throws -> [UInt8] {
        var line: [UInt8] = []
        while true {
            if start == end { try fill() }
            let byte = buffer[start]
            start += 1
            if byte == 0x0a { return line }
            if byte != 0x0d { line.append(byte) }
        }
    }

    /// The next `count` bytes.
    func bytes(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            if start == end { try fill() }
            let piece = min(count - bytes.count, end - start)
            bytes += buffer[start..<(start + piece)]
            start += piece
        }
        return bytes
    }
}
