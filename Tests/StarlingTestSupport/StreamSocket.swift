import Foundation
import Synchronization

/// A TCP connection to this machine, byte by byte, for tests that send what no client library would.
///
/// Its calls block threads of its own, never those that Swift's tasks run on: the server under test needs them.
package final class StreamSocket: Sendable {
    /// Why a call failed.
    package enum Failure: Error, Equatable {
        /// Nothing came, or nothing was taken, for ten seconds.
        case timedOut
        /// The other side has reset the connection, or closed it while bytes were sent.
        case reset
        /// Something else, by its `errno`.
        case system(Int32)
    }

    private let descriptor: Int32
    private let reading = DispatchQueue(label: "socket reading")
    private let writing = DispatchQueue(label: "socket writing")
    private static let timeoutSeconds = 60

    /// Connects to 127.0.0.1. A small `receiveBufferBytes` makes a reader that is soon full.
    package init(port: Int, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system(errno) }
        if let receiveBufferBytes { set(SO_RCVBUF, receiveBufferBytes) }
        set(SO_RCVTIMEO, timeval(tv_sec: Self.timeoutSeconds, tv_usec: 0))
        set(SO_SNDTIMEO, timeval(tv_sec: Self.timeoutSeconds, tv_usec: 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 {
            let code = errno
            close(descriptor)
            throw Failure.system(code)
        }
    }

    deinit { close(descriptor) }

    private func set<Value: BitwiseCopyable>(_ option: Int32, _ value: Value) {
        var value = value
        setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Value>.size))
    }

    /// Sends all of `bytes`.
    package func send(_ bytes: [UInt8]) async throws {
        try await onThread(of: writing) { descriptor in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count < 0 { throw Self.failure() }
                sent += count
            }
        }
    }

    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// What has come, at most `limit` bytes, at least one; empty at the end of the connection.
    package func receive(upTo limit: Int = 65_536) async throws -> [UInt8] {
        try await onThread(of: reading) { descriptor in
            var bytes = [UInt8](repeating: 0, count: limit)
            let count = bytes.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0 { throw Self.failure() }
            return Array(bytes[..<count])
        }
    }

    /// Everything until the other side ends the connection, in whatever way.
    package func receiveToEnd() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            while case let piece = try await receive(), !piece.isEmpty { bytes += piece }
        } catch Failure.reset {
            return bytes
        }
        return bytes
    }

    /// Says that nothing more will be sent.
    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    private func onThread<Value: Sendable>(
        of queue: DispatchQueue, _ body: @escaping @Sendable (Int32) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in continuation.resume(with: Result { try body(descriptor) }) }
        }
    }

    private static func failure() -> Failure {
        switch errno {
        case EAGAIN: .timedOut
        case ECONNRESET, EPIPE: .reset
        default: .system(errno)
        }
    }
}
