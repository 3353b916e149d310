import NIOCore
import StarlingSchema
import Synchronization

/// Clients that keep a daemon busy over both doors, until it is gone or they are told to stop.
final class CrashLoad: Sendable {
    private let tcp: [TCPDoor]
    private let http: [HTTPDoor]
    private let ledger: CrashLedger
    private let workload: Mutex<CrashWorkload>
    private let state = Mutex(State())

    private struct State {
        var isStopped = false
        var running = 0
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Connections of each kind, and calls that each has unanswered.
    private static let connections = 2
    private static let depth = 4

    /// Connects to `daemon`; a daemon that dies meanwhile gives fewer connections.
    init(_ daemon: DaemonProcess, ledger: CrashLedger, workload: CrashWorkload, group: any EventLoopGroup) async {
        var tcp: [TCPDoor] = []
        var http: [HTTPDoor] = []
        for _ in 0..<Self.connections {
            if let door = try? await TCPDoor(port: daemon.tcp, group: group) { tcp.append(door) }
            if let door = try? await HTTPDoor(port: daemon.http, group: group) { http.append(door) }
        }
        self.tcp = tcp
        self.http = http
        self.ledger = ledger
        self.workload = Mutex(workload)
    }

    /// Begins; returns at once.
    func start() {
        for _ in 0..<Self.depth {
            for (place, door) in tcp.enumerated() { begin(door, other: http.isEmpty ? nil : http[place % http.count]) }
            for (place, door) in http.enumerated() { begin(door, other: tcp.isEmpty ? nil : tcp[place % tcp.count]) }
        }
    }

    /// Sends nothing more. What is unanswered stays so until `stop`.
    func sendNoMore() { state.withLock { $0.isStopped = true } }

    /// Sends nothing more, waits until every call has its answer or its connection is gone, and closes the connections.
    func stop() async {
        sendNoMore()
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.running > 0 { state.waiter = continuation }
                return state.running == 0
            }
            if isDone { continuation.resume() }
        }
        for door in tcp { await door.close() }
        for door in http { await door.close() }
    }

    private func begin(_ door: some Door, other: (any Door)?) {
        let starts = state.withLock { state in
            if state.isStopped { return false }
            state.running += 1
            return true
        }
        if starts { next(door, other) }
    }

    /// The next step on a connection, after the answer to the one before.
    private func next(_ door: some Door, _ other: (any Door)?) {
        switch workload.withLock({ $0.next() }) {
        case .write(let write): send(write, door) { [self] in ended($0, door, other) }
        case .twice(let write):
            guard let other else { return send(write, door) { [self] in ended($0, door, nil) } }
            sendTwice(write, door, other)
        case .readFeed(let reader, let limit):
            let call = FeedReading.call(reader, limit: limit, cursor: "")
            door.call(call) { [self] (result: Result<Starling_V1_FeedResponse, DoorFailure>) in
                switch result {
                case .success(let page):
                    ledger.add(page: page.items.map(\.postID), of: reader, cursor: page.nextCursor)
                    ended(nil, door, other)
                case .failure(let failure): ended(failure, door, other)
                }
            }
        }
    }

    private func sendTwice(_ write: CheckedWrite, _ door: some Door, _ other: any Door) {
        state.withLock { $0.running += 1 }
        send(write, other) { [self] _ in finish() }
        send(write, door) { [self] in ended($0, door, other) }
    }

    private func send(_ write: CheckedWrite, _ door: some Door, then: @escaping @Sendable (DoorFailure?) -> Void) {
        write.send(to: door) { [self] result in
            ledger.add(write, result)
            guard case .failure(let failure) = result else {
                if case .success(let answer) = result, case .post(let id) = answer.outcome {
                    workload.withLock { $0.note(post: id, by: write.actor) }
                }
                return then(nil)
            }
            then(failure)
        }
    }

    private func ended(_ failure: DoorFailure?, _ door: some Door, _ other: (any Door)?) {
        if case .lost = failure { return finish() }
        if state.withLock({ $0.isStopped }) { return finish() }
        next(door, other)
    }

    private func finish() {
        let waiter = state.withLock { state in
            state.running -= 1
            defer { if state.running == 0 { state.waiter = nil } }
            return state.running == 0 ? state.waiter : nil
        }
        waiter?.resume()
    }
}
