import Logging
import NIOCore
import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingWire

/// One TCP connection: preface, then frames. Decodes all whole frames of a read in one pass and writes all answers that
/// are ready at once. Lives on its channel's event loop.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case awaitingPreface
        /// The token of the preface is being checked; frames wait.
        case authenticating
        case open
        /// No more requests are taken; the connection closes when all are answered.
        case ending
    }

    private let service: Service
    private let feedPages: FeedPageBatcher
    private let limits: TCPLimits
    private let connections: Connections
    private let logger: Logger
    private let decoder: FrameDecoder
    private let encoder: FrameEncoder
    private var state = State.awaitingPreface
    private var unread: ByteBuffer?
    private var inFlight = 0
    /// Whom the token of the preface names.
    private(set) var identity: Identity?
    private var answers: AnswerQueue?
    /// While the connection is open.
    private var context: ChannelHandlerContext?
    private var prefaceTimer: Scheduled<Void>?
    private var stalledTimer: Scheduled<Void>?

    init(
        service: Service, feedPages: FeedPageBatcher, limits: TCPLimits, connections: Connections, logger: Logger
    ) {
        self.service = service
        self.feedPages = feedPages
        self.limits = limits
        self.connections = connections
        self.logger = logger
        decoder = FrameDecoder(limits: WireLimits(maxPayloadBytes: limits.payloadBytes))
        encoder = FrameEncoder(limits: WireLimits(maxPayloadBytes: WireLimits.greatestMaxPayloadBytes))
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        answers = AnswerQueue(eventLoop: context.eventLoop) {
            bound.value.handler.writeAnswers(context: bound.value.context)
        }
        let isAccepted = connections.add(context.channel) {
            bound.value.handler.end(context: bound.value.context)
        }
        guard isAccepted else {
            refuse(.busy, "too many connections; try again later", context: context)
            return
        }
        prefaceTimer = context.eventLoop.scheduleTask(in: limits.prefaceTimeout) {
            bound.value.context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        prefaceTimer?.cancel()
        stalledTimer?.cancel()
        connections.remove(context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .ending else { return }
        var buffer = unwrapInboundIn(data)
        if var before = unread {
            before.writeBuffer(&buffer)
            buffer = before
            unread = nil
        }
        do throws(WireError) {
            if state == .awaitingPreface {
                guard try readPreface(&buffer, context: context) else { return keep(buffer) }
            }
            if state == .authenticating { return try keepWaiting(buffer) }
            while state == .open, let frame = try decoder.next(from: &buffer) { try handle(frame, context: context) }
            keep(buffer)
        } catch {
            breakOff(error, context: context)
        }
    }

    private func keep(_ buffer: ByteBuffer) {
        guard buffer.readableBytes > 0, state != .ending else { return }
        var rest = buffer
        rest.discardReadBytes()
        // Known from the header: one growth instead of one a read.
        if state == .open { rest.reserveCapacity(minimumWritableBytes: decoder.missingBytes(in: rest)) }
        unread = rest
    }

    // MARK: Requests

    private func readPreface(_ buffer: inout ByteBuffer, context: ChannelHandlerContext) throws(WireError) -> Bool {
        guard let preface = try ClientPreface.decode(from: &buffer) else { return false }
        prefaceTimer?.cancel()
        guard let version = preface.negotiatedVersion() else {
            let offered = "\(preface.versions.lowerBound) to \(preface.versions.upperBound)"
            refuse(.unsupportedVersion, "this server speaks version 1, not \(offered)", context: context)
            return true
        }
        if service.authenticator.isOn, !preface.token.isEmpty {
            checkToken(preface.token, version: version, context: context)
        } else {
            accept(version: version, context: context)
        }
        return true
    }

    /// What a client sends before the server's preface waits, but not without a bound.
    private func keepWaiting(_ buffer: ByteBuffer) throws(WireError) {
        guard buffer.readableBytes <= limits.payloadBytes else {
            throw .frameTooLarge(declared: buffer.readableBytes, limit: limits.payloadBytes, correlation: 0)
        }
        unread = buffer.readableBytes > 0 ? buffer : nil
    }

    private func checkToken(_ token: [UInt8], version: UInt8, context: ChannelHandlerContext) {
        state = .authenticating
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        let authenticator = service.authenticator
        Task {
            let identity = await authenticator.identity(ofToken: String(decoding: token, as: UTF8.self))
            eventLoop.execute {
                let (handler, context) = bound.value
                guard handler.state == .authenticating, handler.context != nil else { return }
                guard let identity else {
                    return handler.refuse(
                        .authenticationRequired, Problem.tokenRefused.message.detail, context: context)
                }
                handler.identity = identity
                handler.accept(version: version, context: context)
                if let waiting = handler.unread {
                    handler.unread = nil
                    handler.channelRead(context: context, data: NIOAny(waiting))
                }
            }
        }
    }

    private func accept(version: UInt8, context: ChannelHandlerContext) {
        var answer = context.channel.allocator.buffer(capacity: 64)
        ServerPreface(
            version: version, status: .ok, maxInFlight: limits.inFlight,
            maxPayloadBytes: UInt32(limits.payloadBytes), text: Daemon.versionText
        ).encode(into: &answer)
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        state = .open
    }

    private func handle(_ frame: Frame, context: ChannelHandlerContext) throws(WireError) {
        let header = frame.header
        if header.opcode == ProtocolOpcode.ping { return echo(frame, context: context) }
        if header.opcode == ProtocolOpcode.goAway { return end(context: context) }
        inFlight += 1
        guard inFlight <= Int(limits.inFlight) else {
            return answer(header, .failure(Self.tooManyInFlight(limits.inFlight)))
        }
        if feedPages.take(frame, from: self) { return }
        let requestContext = try frame.context()
        guard let operation = service.table.operation(opcode: header.opcode) else {
            return answer(header, .failure(Self.unknownOpcode(header.opcode)))
        }
        guard !operation.isAdmin || service.settings.offersAdminOverTCP else {
            return answer(header, .failure(Self.adminOnly(operation)))
        }
        var call: CallContext
        do throws(Problem) {
            call = try CallContext(requestContext)
            try service.authenticator.authenticate(identity, operation, &call)
        } catch {
            return answer(header, .failure(error))
        }
        let payload = Array(buffer: frame.payload)
        service.call(operation, payload: payload, call) { [answers] result in
            answers?.add(.init(opcode: header.opcode, correlation: header.correlation, result: result))
        }
    }

    private func echo(_ frame: Frame, context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: FrameHeader.byteCount + frame.payload.readableBytes)
        do throws(WireError) {
            try encoder.writeAnswer(
                opcode: ProtocolOpcode.ping, correlation: frame.header.correlation, into: &buffer
            ) { $0.writeImmutableBuffer(frame.payload) }
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        } catch {
            breakOff(error, context: context)
        }
    }

    private func answer(_ header: FrameHeader, _ result: Result<Service.Answer, Problem>) {
        answers?.add(.init(opcode: header.opcode, correlation: header.correlation, result: result))
    }

    // MARK: Answers

    private func writeAnswers(context: ChannelHandlerContext) {
        guard let ready = answers?.takeAll(), !ready.isEmpty else { return }
        var buffer = context.channel.allocator.buffer(capacity: 256 * ready.count)
        for answer in ready { write(answer, into: &buffer) }
        write(buffer, answering: ready.count)
    }

    /// Writes the frames of so many answers.
    func write(_ frames: ByteBuffer, answering count: Int) {
        inFlight -= count
        guard let context else { return }
        if context.channel.isActive { context.writeAndFlush(wrapOutboundOut(frames), promise: nil) }
        if state == .ending, inFlight == 0 { context.close(promise: nil) }
    }

    private func write(_ answer: AnswerQueue.Answer, into buffer: inout ByteBuffer) {
        switch answer.result {
        case .failure(let problem):
            encoder.writeProblem(
                problem.message, opcode: answer.opcode, correlation: answer.correlation, into: &buffer)
        case .success(let success):
            let payload = MessageCoding.encode(success.message)
            do throws(WireError) {
                try encoder.writeAnswer(
                    opcode: answer.opcode, correlation: answer.correlation, flags: success.isReplay ? .replayed : [],
                    into: &buffer
                ) { $0.writeBytes(payload) }
            } catch {
                let problem = Problem(
                    status: 500, code: "ANSWER_TOO_LARGE", detail: "\(error); ask for fewer items", accepted: nil)
                encoder.writeProblem(
                    problem.message, opcode: answer.opcode, correlation: answer.correlation, into: &buffer)
            }
        }
    }

    // MARK: Slow clients and the end

    /// A client that takes no answers is not read from, so it can make no more of them; after a while it is dropped.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        _ = context.channel.setOption(.autoRead, value: isWritable)
        stalledTimer?.cancel()
        stalledTimer = nil
        if !isWritable {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            stalledTimer = context.eventLoop.scheduleTask(in: limits.stalledTimeout) {
                bound.value.close(promise: nil)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    /// Takes no more requests, and closes when all are answered.
    private func end(context: ChannelHandlerContext) {
        guard state != .ending else { return }
        state = .ending
        unread = nil
        var buffer = context.channel.allocator.buffer(capacity: 128)
        encoder.writeProblem(
            Problem(EngineError.closed).message, opcode: ProtocolOpcode.goAway, correlation: 0, into: &buffer)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        if inFlight == 0 { context.close(promise: nil) }
    }

    private func refuse(_ status: PrefaceStatus, _ text: String, context: ChannelHandlerContext) {
        state = .ending
        var buffer = context.channel.allocator.buffer(capacity: 128)
        ServerPreface(version: 0, status: status, maxInFlight: 0, maxPayloadBytes: 0, text: text).encode(into: &buffer)
        close(after: buffer, context: context)
    }

    /// The bytes are no frames: where the next one would begin is not known, so the client is told and the connection
    /// closed.
    private func breakOff(_ error: WireError, context: ChannelHandlerContext) {
        logger.debug("TCP connection broken off", metadata: ["reason": "\(error)"])
        if state == .awaitingPreface { return refuse(.unsupportedVersion, "\(error)", context: context) }
        state = .ending
        unread = nil
        var buffer = context.channel.allocator.buffer(capacity: 256)
        let (status, code, correlation) = Self.classify(error)
        let problem = Problem(status: status, code: code, detail: "\(error)")
        encoder.writeProblem(
            problem.message, opcode: ProtocolOpcode.goAway, correlation: correlation, into: &buffer)
        close(after: buffer, context: context)
    }

    private func close(after buffer: ByteBuffer, context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(buffer)).whenComplete { _ in bound.value.close(promise: nil) }
        // A client that reads nothing must not keep the connection: the write may never complete.
        stalledTimer?.cancel()
        stalledTimer = context.eventLoop.scheduleTask(in: limits.stalledTimeout) { bound.value.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("TCP connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }
}

extension ConnectionHandler {
    private static func classify(_ error: WireError) -> (status: UInt32, code: String, correlation: UInt64) {
        switch error {
        case .frameTooLarge(_, _, let correlation): (413, "FRAME_TOO_LARGE", correlation)
        case .unknownFlags(_, let correlation), .contextMissing(_, let correlation),
            .contextTooLong(_, _, let correlation), .badContext(_, let correlation):
            (400, "MALFORMED_FRAME", correlation)
        default: (400, "MALFORMED_FRAME", 0)
        }
    }

    private static func tooManyInFlight(_ limit: UInt16) -> Problem {
        Problem(
            status: 429, code: "TOO_MANY_IN_FLIGHT",
            detail: "more than \(limit) requests of this connection are unanswered; wait for answers",
            retryAfterSeconds: 1)
    }

    private static func unknownOpcode(_ opcode: UInt16) -> Problem {
        Problem(
            status: 404, code: "UNKNOWN_OPERATION",
            detail: "there is no operation with opcode \(opcode); see protocol.md")
    }

    private static func adminOnly(_ operation: Operation) -> Problem {
        Problem(
            status: 403, code: "ADMIN_ONLY",
            detail: "\(operation.name) is served on the admin listener, not on a TCP listener that others can reach")
    }
}

extension CallContext {
    /// From what came with a TCP frame.
    init(_ context: Starling_V1_RequestContext?) throws(Problem) {
        guard let context else { return }
        actor = context.actorID == 0 ? nil : UserID(rawValue: context.actorID)
        idempotencyKey = context.idempotencyKey.isEmpty ? nil : context.idempotencyKey
        minimumLSN = context.minLsn
        durability = try AcknowledgementLevel.asked(context.durability)
    }
}

extension AcknowledgementLevel {
    /// The level that a request asks for; nil when it does not say.
    static func asked(_ durability: Starling_V1_Durability) throws(Problem) -> AcknowledgementLevel? {
        switch durability {
        case .memory: .memory
        case .os: .os
        case .disk: .disk
        case .unspecified: nil
        case .UNRECOGNIZED: throw .invalid("durability", "it must be MEMORY, OS or DISK")
        }
    }
}
