import NIOCore
import StarlingLimits

/// Limits of an HTTP listener.
struct HTTPLimits: Sendable {
    /// Open connections; more wait in the kernel's queue.
    var connections = 4_096
    /// Bytes of a request's body.
    var bodyBytes = 8 << 20
    /// Bytes of one header field, and of all of them.
    var headerBytes = 16 << 10
    /// A connection without a request is closed after this time.
    var idleSeconds = 30
    /// How long a TLS handshake may take, and then a request from its first byte to the end of its header.
    var header = TimeAmount.seconds(10)
    /// How long a body may take before its rate is asked for.
    var bodyGrace = TimeAmount.seconds(5)
    /// Bytes of a body that must come in a second after that.
    var bodyBytesPerSecond: UInt64 = 1_024
    /// How long a client may take less than 1 KiB a second of what is sent to it.
    var stalled = TimeAmount.seconds(10)

    /// Header fields of one request.
    static let headerFields = 128
    /// What chunks may cost beyond eight times what they carry; a chunk of one byte takes six.
    private static let framingBytes = 64 << 10

    /// How fast requests must come.
    var pace: RequestPaceLimits {
        RequestPaceLimits(
            idle: UInt64(idleSeconds) * 1_000_000_000, header: header.unsignedNanoseconds,
            body: ArrivalPace(grace: bodyGrace.unsignedNanoseconds, bytesPerSecond: bodyBytesPerSecond),
            framingBytes: UInt64(headerBytes + Self.framingBytes))
    }
}
