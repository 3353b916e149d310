import Logging
import NIOCore
import NIOPosix
import NIOSSL
import StarlingLimits
import StarlingWire
import Synchronization

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

    /// What the listener is opened with.
    struct Options: Sendable {
        var host: String
        var port: Int
        var settings: DoorSettings
        var admission: ConnectionAdmission
        /// nil without TLS.
        var identity: TLSIdentity?
        var logger: Logger
    }

    static func start(_ options: Options, service: Service, group: any EventLoopGroup) async throws -> TCPServer {
        let connections = Connections(settings: options.settings, admission: options.admission)
        let batchers = LoopBatchers(service: service, group: group)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // The default of 4 accepts a turn makes a hundred clients at once wait for seconds.
            .serverChannelOption(.maxMessagesPerRead, value: 256)
            // An accept that fails for want of descriptors is tried again after a pause.
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            // One read of 128 KiB a turn: a second read would mostly find nothing.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 128 << 10)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let limits = options.settings.values.tcp
                    let pipeline = channel.pipeline.syncOperations
                    try SocketTuning.apply(to: channel)
                    if let identity = options.identity {
                        try pipeline.addHandlers([
                            NIOSSLServerHandler(context: identity.context(for: .frames)),
                            HandshakeTimeout(limits.prefaceTimeout),
                        ])
                    }
                    let handler = ConnectionHandler(
                        service: service, batchers: batchers.batchers(of: channel.eventLoop), limits: limits,
                        connections: connections, logger: options.logger)
                    try pipeline.addHandler(handler)
                }
            }
        let listener = try await bootstrap.bind(host: options.host, port: options.port).get()
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
