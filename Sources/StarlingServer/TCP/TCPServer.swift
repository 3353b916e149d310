import Logging
import NIOCore
import NIOPosix
import StarlingWire
import Synchronization

/// Limits of the TCP listener.
struct TCPLimits: Sendable {
    /// Open connections; one more is told that the server is busy.
    var connections = 4_096
    /// Requests of one connection that may be unanswered.
    var inFlight: UInt16 = 1_024
    /// Bytes of a frame's payload.
    var payloadBytes = 8 << 20
    /// How long a connection may take to send its preface.
    var prefaceTimeout = TimeAmount.seconds(10)
    /// How long a client may take no answers before it is dropped.
    var stalledTimeout = TimeAmount.seconds(10)
}

/// The TCP listener: accepts connections, each with one `ConnectionHandler`, and ends them in good order.
final class TCPServer: Sendable {
    private let listener: any Channel
    private let connections: Connections
    /// Where it listens.
    let address: SocketAddress

    private init(listener: any Channel, connections: Connections, address: SocketAddress) {
        self.listener = listener
        self.connections = connections
        self.address = address
    }

    static func start(
        host: String, port: Int, service: Service, limits: TCPLimits, group: any EventLoopGroup, logger: Logger
    ) async throws -> TCPServer {
        let connections = Connections(limit: limits.connections)
        let batchers = LoopBatchers(service: service, group: group)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // The default of 4 accepts a turn makes a hundred clients at once wait for seconds.
            .serverChannelOption(.maxMessagesPerRead, value: 256)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            // One read of 128 KiB a turn: a second read would mostly find nothing.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 128 << 10)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = ConnectionHandler(
                        service: service, batchers: batchers.batchers(of: channel.eventLoop), limits: limits,
                        connections: connections, logger: logger)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        let listener = try await bootstrap.bind(host: host, port: port).get()
        guard let address = listener.localAddress else {
            preconditionFailure("a listening socket has an address")
        }
        return TCPServer(listener: listener, connections: connections, address: address)
    }

    /// Stops accepting, lets each connection finish the requests that it has sent, and closes them; after `timeout`
    /// they are cut.
    func shutDown(timeout: Duration) async {
        try? await listener.close()
        connections.drain()
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        while connections.count > 0, clock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
        connections.closeAll()
    }
}

/// The open connections.
final class Connections: Sendable {
    private let open = Mutex<[ObjectIdentifier: Entry]>([:])
    private let limit: Int

    private struct Entry: Sendable {
        var channel: any Channel
        var drain: @Sendable () -> Void
    }

    init(limit: Int) { self.limit = limit }

    var count: Int { open.withLock { $0.count } }

    /// Notes a connection; false when there are too many.
    func add(_ channel: any Channel, drain: @escaping @Sendable () -> Void) -> Bool {
        open.withLock { open in
            if open.count >= limit { return false }
            open[ObjectIdentifier(channel)] = Entry(channel: channel, drain: drain)
            return true
        }
    }

    func remove(_ channel: any Channel) {
        open.withLock { $0[ObjectIdentifier(channel)] = nil }
    }

    /// Asks each connection to end when its requests are answered.
    func drain() {
        for entry in open.withLock({ Array($0.values) }) { entry.channel.eventLoop.execute(entry.drain) }
    }

    func closeAll() {
        for entry in open.withLock({ Array($0.values) }) { entry.channel.close(promise: nil) }
    }
}
