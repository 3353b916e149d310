import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import ServiceLifecycle
import StarlingLimits
import StarlingSchema
import Synchronization

/// An HTTP listener: turns requests into calls of operations by the route table, and answers into JSON.
final class HTTPGateway: Sendable {
    private let group: ServiceGroup
    private let run: Task<Void, Never>
    /// Where it listens.
    let address: SocketAddress

    /// What a listener is opened with.
    struct Options: Sendable {
        var host: String
        var port: Int
        var settings: DoorSettings
        var admission: ConnectionAdmission
        /// nil for a listener without TLS.
        var identity: TLSIdentity?
        var logger: Logger
    }

    private init(group: ServiceGroup, run: Task<Void, Never>, address: SocketAddress) {
        self.group = group
        self.run = run
        self.address = address
    }

    static func start(
        _ options: Options, responder: GatewayResponder, group: any EventLoopGroup
    ) async throws -> HTTPGateway {
        let bound = AsyncStream<SocketAddress?>.makeStream()
        let channels = GatewayChannel(
            responder: { request, writer, channel in
                let answer = await responder.respond(to: request, from: IPAddress(channel.remoteAddress)) {
                    try await channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)))
                }
                // Bytes behind the header of an answer to HEAD would be read as the next answer.
                let isEmpty = request.method == .head || answer.head.status == .noContent
                let content = isEmpty ? ResponseBody() : ResponseBody(byteBuffer: answer.body)
                try await writer.write(response: answer.head, body: content)
            },
            settings: options.settings, admission: options.admission, identity: options.identity)
        let server = channels.server(
            configuration: ServerConfiguration(
                address: .hostname(options.host, port: options.port), backlog: 1_024,
                availableConnectionsDelegate: ConnectionCap(options.settings)),
            onServerRunning: { channel in
                // Without it an accept that fails for want of descriptors ends the listener.
                try? await channel.eventLoop.submit {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler(), position: .first)
                }.get()
                bound.continuation.yield(channel.localAddress)
            }, eventLoopGroup: group, logger: options.logger)
        var lifecycle = ServiceGroupConfiguration(services: [server], logger: options.logger)
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
