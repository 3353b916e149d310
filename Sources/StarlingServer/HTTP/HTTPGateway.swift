import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import ServiceLifecycle
import StarlingSchema
import Synchronization

/// Limits of an HTTP listener.
struct HTTPLimits: Sendable {
    /// Open connections; more wait in the kernel's queue.
    var connections = 4_096
    /// Bytes of a request's body.
    var bodyBytes = 8 << 20
    /// Bytes of one header field, and of all of them.
    var headerBytes = 16 << 10
    /// A connection without a request, or one whose request does not go on, is closed after this time.
    var idleSeconds = 30
}

/// An HTTP listener: turns requests into calls of operations by the route table, and answers into JSON.
final class HTTPGateway: Sendable {
    private let group: ServiceGroup
    private let run: Task<Void, Never>
    /// Where it listens.
    let address: SocketAddress

    private init(group: ServiceGroup, run: Task<Void, Never>, address: SocketAddress) {
        self.group = group
        self.run = run
        self.address = address
    }

    static func start(
        host: String, port: Int, responder: GatewayResponder, limits: HTTPLimits, group: any EventLoopGroup,
        logger: Logger
    ) async throws -> HTTPGateway {
        let bound = AsyncStream<SocketAddress?>.makeStream()
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [MalformedRequestHandler()],
            idleTimeout: .seconds(Int64(limits.idleSeconds)),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 128)
        )
        let server = try HTTPServerBuilder.http1(configuration: configuration).buildServer(
            configuration: ServerConfiguration(
                address: .hostname(host, port: port), backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
            eventLoopGroup: group,
            logger: logger,
            responder: { request, writer, _ in
                let (head, body) = await responder.respond(to: request)
                // Bytes behind the header of an answer to HEAD would be read as the next answer.
                let content = request.method == .head ? ResponseBody() : ResponseBody(byteBuffer: body)
                try await writer.write(response: head, body: content)
            },
            onServerRunning: { channel in bound.continuation.yield(channel.localAddress) })
        var lifecycle = ServiceGroupConfiguration(services: [server], logger: logger)
        lifecycle.maximumGracefulShutdownDuration = Daemon.drainTime
        let services = ServiceGroup(configuration: lifecycle)
        let failure = FailureBox()
        let run = Task {
            do { try await services.run() } catch { failure.set(error) }
            bound.continuation.finish()
        }
        for await address in bound.stream {
            guard let address else { break }
            return HTTPGateway(group: services, run: run, address: address)
        }
        throw failure.error ?? ListenerFailure()
    }

    /// Stops accepting, lets requests that have begun finish, cuts those that take longer than `Daemon.drainTime`, and
    /// returns.
    func shutDown() async {
        await group.triggerGracefulShutdown()
        await run.value
    }
}

/// A listener that ended before it had begun, for no reason that it gave.
struct ListenerFailure: Error, CustomStringConvertible {
    var description: String { "the listener ended before it had begun" }
}

/// Where the server's task leaves its error.
private final class FailureBox: Sendable {
    private let content = Mutex<(any Error)?>(nil)

    var error: (any Error)? { content.withLock { $0 } }

    func set(_ error: any Error) { content.withLock { $0 = error } }
}
