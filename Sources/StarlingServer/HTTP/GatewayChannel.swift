import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import StarlingLimits

/// Sets up the connections of an HTTP listener: limits next to the socket, TLS, the pace of requests, the decoder, and the rules
/// that the decoder leaves open.
struct GatewayChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let settings: DoorSettings
    let admission: ConnectionAdmission
    /// nil for a listener without TLS.
    let identity: TLSIdentity?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let limits = settings.values.http
            let pipeline = channel.pipeline.syncOperations
            try SocketTuning.apply(to: channel)
            try pipeline.addHandler(ConnectionGate(admission: admission, stalled: limits.stalled))
            if let identity {
                try pipeline.addHandlers([
                    NIOSSLServerHandler(context: identity.context(for: .http)),
                    HandshakeTimeout(limits.header),
                ])
            }
            let watch = RequestWatch(limits.pace, channel: channel)
            try pipeline.addHandler(RequestWatchHandler(watch))
            var decoder = NIOHTTPDecoderLimitConfiguration()
            decoder.maxHeaderFieldSize = limits.headerBytes
            decoder.maxHeaderListSize = limits.headerBytes
            decoder.maxHeaderFieldCount = HTTPLimits.headerFields
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: true,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoder)
            try pipeline.addHandlers([
                RequestRulesHandler(watch), HTTP1ToHTTPServerCodec(secure: identity != nil), MalformedRequestHandler(),
                HTTPConnectionStateHandler(logger: logger),
            ])
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value, logger: logger) }
}

/// Lets no more connections be accepted than there may be; the others wait in the kernel's queue.
struct ConnectionCap: AvailableConnectionsDelegate {
    private let settings: DoorSettings
    private var open = 0

    init(_ settings: DoorSettings) { self.settings = settings }

    mutating func connectionOpened() { open += 1 }

    mutating func connectionClosed() { open -= 1 }

    func isAcceptingNewConnections() -> Bool { open < settings.values.http.connections }
}
