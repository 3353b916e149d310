import CBaselines
import Glibc

/// Which of some sockets can be read from or written to: epoll(7), level triggered. A wait costs what is ready, not what is open.
final class Readiness {
    private let descriptor: Int32
    private var events: [epoll_event]

    init(capacity: Int) throws {
        descriptor = epoll_create1(0)
        events = [epoll_event](repeating: epoll_event(), count: max(capacity, 1))
        guard descriptor >= 0 else { throw ProgramError(text: "epoll_create1: errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// Waits for bytes of a socket from now on; `number` tells it apart.
    func add(_ socket: Int32, number: Int) throws { try control(EPOLL_CTL_ADD, socket, number, false) }

    /// Waits for room too, or no longer.
    func change(_ socket: Int32, number: Int, waitsForRoom: Bool) throws {
        try control(EPOLL_CTL_MOD, socket, number, waitsForRoom)
    }

    private func control(_ operation: Int32, _ socket: Int32, _ number: Int, _ waitsForRoom: Bool) throws {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (waitsForRoom ? EPOLLOUT.rawValue : 0)
        event.data.u64 = UInt64(number)
        guard epoll_ctl(descriptor, operation, socket, &event) == 0 else {
            throw ProgramError(text: "epoll_ctl: errno \(errno)")
        }
    }

    /// Returns how many are ready; 0 when the time is up.
    func wait(milliseconds: Int32) throws -> Int {
        while true {
            let ready = epoll_wait(descriptor, &events, Int32(events.count), milliseconds)
            if ready >= 0 { return Int(ready) }
            guard errno == EINTR else { throw ProgramError(text: "epoll_wait: errno \(errno)") }
        }
    }

    /// One that is ready, and whether there is something to read, or an error to be read.
    subscript(place: Int) -> (number: Int, isReadable: Bool) {
        (Int(events[place].data.u64), events[place].events & ~EPOLLOUT.rawValue != 0)
    }
}
