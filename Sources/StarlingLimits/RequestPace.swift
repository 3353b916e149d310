/// How long a client may take over a request of a connection that carries one after the other.
public struct RequestPaceLimits: Sendable, Equatable {
    /// Nanoseconds without a request after which the connection ends.
    public var idle: UInt64
    /// Nanoseconds from the first byte of a request to the end of its header.
    public var header: UInt64
    /// The least rate of the body.
    public var body: ArrivalPace
    /// Bytes on the wire that a request may have beyond eight times its body: header, trailer, and the framing of chunks.
    public var framingBytes: UInt64

    /// Limits.
    public init(idle: UInt64, header: UInt64, body: ArrivalPace, framingBytes: UInt64) {
        self.idle = idle
        self.header = header
        self.body = body
        self.framingBytes = framingBytes
    }
}

/// Follows the requests of one HTTP connection and says by when what must have happened. Has no clock of its own: each event
/// carries its time, in nanoseconds of one monotonic clock.
public struct RequestPace: Sendable {
    private enum Reading: Sendable, Equatable {
        /// Between two requests.
        case nothing
        case header(since: UInt64)
        case body(since: UInt64)
    }

    private let limits: RequestPaceLimits
    private var reading = Reading.nothing
    private var quietSince: UInt64
    /// Requests whose header has come and whose answer has not been given.
    private var unanswered = 0
    private var wireBytes: UInt64 = 0
    private var bodyBytes: UInt64 = 0

    /// A connection that was opened at `now`.
    public init(limits: RequestPaceLimits, now: UInt64) {
        self.limits = limits
        quietSince = now
    }

    /// Bytes came, before it is known what they mean. False when the request's framing has become too much larger than
    /// what it frames.
    public mutating func bytesCame(_ count: Int, now: UInt64) -> Bool {
        if reading == .nothing {
            reading = .header(since: now)
            (wireBytes, bodyBytes) = (0, 0)
        }
        wireBytes &+= UInt64(count)
        return wireBytes <= limits.framingBytes &+ 8 &* bodyBytes &+ UInt64(count)
    }

    /// A request's header is complete.
    public mutating func headerEnded(now: UInt64) {
        unanswered += 1
        reading = .body(since: now)
        bodyBytes = 0
    }

    /// Bytes of the body came.
    public mutating func bodyCame(_ count: Int) { bodyBytes &+= UInt64(count) }

    /// The request is complete.
    public mutating func requestEnded(now: UInt64) {
        reading = .nothing
        quietSince = now
        (wireBytes, bodyBytes) = (0, 0)
    }

    /// A request was answered.
    public mutating func answered(now: UInt64) {
        unanswered -= 1
        quietSince = now
        // While an answer was under way the connection may not have been read from: the time of what came meanwhile begins
        // now. That answer's own request may still be coming, refused before its end; its time goes on.
        switch reading {
        case .header(let since): reading = .header(since: max(since, now))
        case .body(let since) where unanswered > 0: reading = .body(since: max(since, now))
        case .body, .nothing: break
        }
    }

    /// When the client is too slow if nothing happens until then; nil while it is the server's turn.
    public var deadline: UInt64? {
        switch reading {
        case .nothing: unanswered > 0 ? nil : quietSince &+ limits.idle
        case .header(let since): unanswered > 0 ? nil : since &+ limits.header
        case .body(let since):
            unanswered > 1 ? nil : limits.body.deadline(start: since, bytes: bodyBytes)
        }
    }
}
