import NIOCore
import StarlingLimits

/// Limits of the TCP listener.
struct TCPLimits: Sendable {
    /// Open connections; one more is told that the server is busy.
    var connections = 4_096
    /// Requests of one connection that may be unanswered.
    var inFlight: UInt16 = 1_024
    /// Bytes of a frame's payload.
    var payloadBytes = 8 << 20
    /// How long a connection may take for a TLS handshake, and to send its preface.
    var prefaceTimeout = TimeAmount.seconds(10)
    /// How long a client may take no answers before it is dropped.
    var stalledTimeout = TimeAmount.seconds(10)
    /// How long a connection may be silent in both directions with nothing in flight.
    var idleTimeout = TimeAmount.seconds(900)
    /// How long a frame may take before its rate is asked for.
    var frameGrace = TimeAmount.seconds(5)
    /// Bytes of a frame that must come in a second after that.
    var frameBytesPerSecond: UInt64 = 1_024

    /// How fast the rest of a frame must come.
    var pace: ArrivalPace {
        ArrivalPace(grace: frameGrace.unsignedNanoseconds, bytesPerSecond: frameBytesPerSecond)
    }
}
