import Glibc

/// One connection of a load: bytes in both directions, and when each unanswered request was made. One thread uses it.
final class LoadConnection {
    let descriptor: Int32
    private let socket: LoopbackSocket
    var outgoing = RequestBytes()
    /// Whether the system had no room for all of `outgoing`.
    private(set) var waitsForRoom = false

    private var incoming: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    /// When the request in each slot was made.
    private var times: [UInt64]
    private var free: [Int]
    /// Slots in the order of their requests, for servers that answer in order; a ring.
    private var order: [Int]
    private var oldest = 0
    private var newest = 0

    init(port: Int, slots: Int) throws {
        guard let socket = LoopbackSocket(port: port) else {
            throw ProgramError(text: "nobody listens on port \(port)")
        }
        self.socket = socket
        descriptor = socket.descriptor
        incoming = .allocate(byteCount: 1 << 18, alignment: 16)
        times = [UInt64](repeating: 0, count: slots)
        free = Array(0..<slots)
        order = [Int](repeating: 0, count: slots)
    }

    deinit { incoming.deallocate() }

    var unanswered: Int { times.count - free.count }
    var unread: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: incoming[start..<end]) }

    /// Exchanges greetings, and from then on never blocks.
    func greet(_ dialect: some LoadDialect, number: Int) throws {
        try socket.send(dialect.greeting(connection: number))
        while true {
            if let length = try dialect.greetingAnswer(unread) {
                take(length)
                break
            }
            try receive()
        }
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0 else {
            throw ProgramError(text: "fcntl: errno \(errno)")
        }
    }

    /// A slot for a request that is made now; nil when all are taken.
    func occupy(_ now: UInt64) -> Int? {
        guard let slot = free.popLast() else { return nil }
        times[slot] = now
        order[newest % order.count] = slot
        newest += 1
        return slot
    }

    /// Frees the slot, or that of the oldest request. Returns when the request was made.
    func release(_ answered: Int?) -> UInt64 {
        let slot = answered ?? order[oldest % order.count]
        oldest += 1
        free.append(slot)
        return times[slot]
    }

    func take(_ count: Int) {
        start += count
        if start == end { (start, end) = (0, 0) }
    }

    /// Takes what the system has, up to the room that there is.
    func receive() throws {
        if end == incoming.count { makeRoom() }
        let count = recv(descriptor, incoming.baseAddress.map { $0 + end }, incoming.count - end, 0)
        if count > 0 {
            end += count
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            throw ProgramError(text: "the server ended the connection: errno \(count == 0 ? 0 : errno)")
        }
    }

    private func makeRoom() {
        if start > 0 {
            UnsafeMutableRawBufferPointer(rebasing: incoming[0..<(end - start)]).copyMemory(from: unread)
            (start, end) = (0, end - start)
        } else {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * incoming.count, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(incoming))
            incoming.deallocate()
            incoming = larger
        }
    }

    /// Sends as much as the system takes.
    func send() throws {
        waitsForRoom = false
        while !outgoing.isEmpty {
            let count = Glibc.send(descriptor, outgoing.unsent.baseAddress, outgoing.unsent.count, Int32(MSG_NOSIGNAL))
            if count > 0 {
                outgoing.remove(count)
            } else if errno == EAGAIN {
                waitsForRoom = true
                return
            } else if errno != EINTR {
                throw ProgramError(text: "the connection ended while sending: errno \(errno)")
            }
        }
    }
}
