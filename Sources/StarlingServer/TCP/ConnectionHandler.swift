import Logging
import NIOCore
import StarlingEngine
import StarlingLimits
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
    private let batchers: LoopBatchers.Batchers
    private let limits: TCPLimits
    private let connections: Connections
    private let logger: Logger
    private let decoder: FrameDecoder
    private let encoder: FrameEncoder
    @exclusivity(unchecked) private var state = State.awaitingPreface
    @exclusivity(unchecked) private var unread: ByteBuffer?
    @exclusivity(unchecked) private var inFlight = 0
    /// Whom the token of the preface names.
    @exclusivity(unchecked) private var identity: Identity?
    private var answers: AnswerQueue?
    /// While the connection is open.
    private var context: ChannelHandlerContext?
    private var stalledTimer: Scheduled<Void>?
    private var quietTimer: DeadlineTimer?
    /// When the connection was opened or last heard of, and when what is unread of a frame began to come.
    private var quietSince = DeadlineTimer.now
    private var unreadSince: UInt64 = 0
    private var address: IPAddress?

    init(
        service: Service, batchers: LoopBatchers.Batchers, limits: TCPLimits, connections: Connections, logger: Logger
    ) {
        self.service = service
        self.batchers = batchers
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
        let refusal = connections.add(context.channel) {
            bound.value.handler.end(context: bound.value.context)
        }
        if let refusal { return refuse(.busy, refusal, context: context) }
        address = IPAddress(context.remoteAddress)
        quietSince = DeadlineTimer.now
        quietTimer = DeadlineTimer(
            eventLoop: context.eventLoop, deadline: { bound.value.handler.quietDeadline },
            expired: { bound.value.context.close(promise: nil) })
        quietTimer?.update()
        context.fireChannelActive()
    }

    /// When the client has been silent for too long; nil while it is waited for by nobody.
    private var quietDeadline: UInt64? {
        switch state {
        case .awaitingPreface, .authenticating: quietSince &+ limits.prefaceTimeout.unsignedNanoseconds
        case .open:
            if let unread {
                limits.pace.deadline(start: unreadSince, bytes: UInt64(unread.readableBytes))
            } else {
                // Looked at again when the answers could be there.
                (inFlight > 0 ? DeadlineTimer.now : quietSince) &+ limits.idleTimeout.unsignedNanoseconds
            }
        case .ending: nil
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        quietTimer?.stop()
        quietTimer = nil
        stalledTimer?.cancel()
        connections.remove(context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .ending else { return }
        var buffer = unwrapInboundIn(data)
        let wasUnread = unread != nil
        if state == .open { quietSince = DeadlineTimer.now }
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
            var isWhole = false
            while state == .open, let frame = try decoder.next(from: &buffer) {
                try handle(frame, context: context)
                isWhole = true
            }
            keep(buffer)
            guard unread != nil else { return }
            if isWhole || !wasUnread { unreadSince = quietSince }
            quietTimer?.update()
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
        quietSince = DeadlineTimer.now
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
        let isLimited = service.limiter.limiter.isActive
        if !isLimited, takeInBatch(frame) { return }
        let requestContext = try frame.context()
        guard let operation = service.table.operation(opcode: header.opcode) else {
            return answer(header, .failure(Self.unknownOpcode(header.opcode)))
        }
        guard !operation.isAdmin || service.settings.offersAdminOverTCP else {
            return answer(header, .failure(Self.adminOnly(operation)))
        }
        let checked = checkedContext(requestContext, operation)
        var charge: LimitedRequest?
        if isLimited {
            if !operation.isAdmin {
                // Whom a request only claims to come from, pays for nothing.
                let asked = LimitedRequest(
                    address: address, user: (try? checked.get())?.actor?.rawValue,
                    route: RequestLimiter.route(operation))
                if let problem = service.limiter.charge(asked) { return answer(header, .failure(problem)) }
                charge = asked
            }
            if takeInBatch(frame) { return }
        }
        var call: CallContext
        do throws(Problem) { call = try checked.get() } catch { return answer(header, .failure(error)) }
        call.charge = charge
        let payload = Array(buffer: frame.payload)
        service.call(operation, payload: payload, call) { [answers] result in
            answers?.add(.init(opcode: header.opcode, correlation: header.correlation, result: result))
        }
    }

    /// What came with a frame beside its message, and who acts.
    private func checkedContext(
        _ context: Starling_V1_RequestContext?, _ operation: Operation
    ) -> Result<CallContext, Problem> {
        do throws(Problem) {
            var call = try CallContext(context)
            try service.authenticator.authenticate(identity, operation, &call)
            return .success(call)
        } catch {
            return .failure(error)
        }
    }

    /// Who acts by a frame without a context whose message names `named` (0 for nobody); nil when that needs a closer look, which
    /// may find a problem.
    func plainActor(named: UInt64) -> UserID? {
        guard service.authenticator.isOn else { return named == 0 ? nil : UserID(rawValue: named) }
        guard let identity, service.authenticator.isCurrent(identity), named == 0 || named == identity.user.rawValue
        else { return nil }
        return identity.user
    }

    /// Whether the frame is answered together with others. What this connection sent before goes before one that is not.
    private func takeInBatch(_ frame: Frame) -> Bool {
        if batchers.posts.take(frame, from: self) || batchers.feedPages.take(frame, from: self) { return true }
        batchers.posts.flush()
        return false
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
        quietSince = DeadlineTimer.now
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
        // What is unread of a frame was not waited for while nothing was read.
        if isWritable { unreadSince = DeadlineTimer.now }
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
        if state == .awaitingPreface || state == .authenticating {
            return refuse(.unsupportedVersion, "\(error)", context: context)
        }
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
