import Glibc
import NIOCore

/// What every accepted connection is set to: a peer that is gone without a word is found out within a minute.
enum SocketTuning {
    /// Probes begin after 30 seconds without a byte, come every 10 seconds, and 3 without an answer end the connection; so do
    /// bytes that the other side has not acknowledged for 30 seconds.
    private static let options: [(name: Int32, value: Int)] = [
        (TCP_NODELAY, 1), (TCP_KEEPIDLE, 30), (TCP_KEEPINTVL, 10), (TCP_KEEPCNT, 3), (TCP_USER_TIMEOUT, 30_000),
    ]

    /// Sets them. On the channel's event loop, or before it has one that runs.
    static func apply(to channel: any Channel) throws {
        guard let settable = channel.syncOptions else { return }
        try settable.setOption(.socketOption(.so_keepalive), value: 1)
        for (name, value) in options {
            try settable.setOption(.tcpOption(NIOBSDSocket.Option(rawValue: name)), value: value)
        }
    }
}
