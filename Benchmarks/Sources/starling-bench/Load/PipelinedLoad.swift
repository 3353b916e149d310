import Glibc
import StarlingEngine

/// What a load found.
struct LoadFigures {
    /// Requests that were answered while time was taken.
    var requests = 0
    var seconds = 0.0
    /// Times of answers in nanoseconds, from when the request was put together.
    var latency = DelayHistogram()
    /// All requests, with those of the warm-up and the last ones.
    var allRequests = 0

    var perSecond: Double { Double(requests) / max(seconds, 1e-9) }
    /// Seconds.
    func percentile(_ share: Double) -> Double { Double(latency.percentile(share)) / 1e9 }
}

/// When a load ends.
enum LoadEnd {
    /// After so many seconds, of which the first ones are not counted.
    case seconds(Double, warmUp: Double)
    /// After so many requests, all of them counted.
    case requests(Int)
}

/// Keeps a fixed number of requests unanswered on each of some connections, from one thread with epoll(7).
final class PipelinedLoad<Dialect: LoadDialect> {
    private var dialect: Dialect
    private var connections: [LoadConnection] = []
    private let readiness: Readiness
    private var figures = LoadFigures()

    init(port: Int, connections count: Int, inFlight: Int, _ dialect: Dialect) throws {
        self.dialect = dialect
        readiness = try Readiness(capacity: count)
        for number in 0..<count {
            let connection = try LoadConnection(port: port, slots: inFlight)
            try connection.greet(dialect, number: number)
            connections.append(connection)
            try readiness.add(connection.descriptor, number: number)
        }
    }

    private static var patienceMilliseconds: Int32 { 30_000 }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Sends and receives until the end, and then until everything is answered.
    func run(until end: LoadEnd) throws -> LoadFigures {
        figures = LoadFigures()
        let begin = Self.now()
        var countFrom = begin
        var stopAt = UInt64.max
        var requestsLeft = Int.max
        switch end {
        case .seconds(let seconds, let warmUp):
            countFrom = begin + UInt64(warmUp * 1e9)
            stopAt = begin + UInt64((warmUp + seconds) * 1e9)
        case .requests(let count): requestsLeft = count
        }
        for number in connections.indices { try refill(number, now: begin, &requestsLeft) }
        var unanswered = connections.reduce(0) { $0 + $1.unanswered }
        var last = begin
        var isEnding = false
        while unanswered > 0 {
            let ready = try readiness.wait(milliseconds: Self.patienceMilliseconds)
            guard ready > 0 else { throw ProgramError(text: "the server has not answered for half a minute") }
            let now = Self.now()
            // A server so slow that nothing was answered in time is given more of it.
            if now >= stopAt, figures.requests > 0 { isEnding = true }
            if isEnding { requestsLeft = 0 } else { last = now }
            for place in 0..<ready {
                let (number, isReadable) = readiness[place]
                if isReadable {
                    let counts = now >= countFrom && !isEnding
                    unanswered -= try receive(number, now: now, counts: counts)
                }
                unanswered += try refill(number, now: now, &requestsLeft)
            }
        }
        if case .requests = end { last = Self.now() }
        figures.seconds = Double(last - min(last, countFrom)) / 1e9
        return figures
    }

    /// Takes what has arrived. Returns how many answers it was.
    private func receive(_ number: Int, now: UInt64, counts: Bool) throws -> Int {
        let connection = connections[number]
        try connection.receive()
        var answers = 0
        while let answer = try dialect.answer(connection.unread) {
            connection.take(answer.length)
            let sent = connection.release(answer.slot)
            if counts { figures.latency.record(now - min(now, sent), times: 1) }
            answers += 1
        }
        if counts { figures.requests += answers }
        figures.allRequests += answers
        return answers
    }

    /// Sends requests on the free slots. Returns how many.
    @discardableResult
    private func refill(_ number: Int, now: UInt64, _ requestsLeft: inout Int) throws -> Int {
        let connection = connections[number]
        var sent = 0
        while requestsLeft > 0, let slot = connection.occupy(now) {
            dialect.append(slot: slot, connection: number, to: &connection.outgoing)
            requestsLeft -= 1
            sent += 1
        }
        let waited = connection.waitsForRoom
        try connection.send()
        if connection.waitsForRoom != waited {
            try readiness.change(connection.descriptor, number: number, waitsForRoom: connection.waitsForRoom)
        }
        return sent
    }
}
