import Foundation
import Synchronization

/// Runs something over and over on a thread of its own, until it is stopped.
final class BackgroundLoop: Sendable {
    private let isStopping = Atomic<Bool>(false)
    private let done = DispatchSemaphore(value: 0)
    private let failure = Mutex<(any Error)?>(nil)

    init(_ name: String, body: @escaping @Sendable (_ mustStop: () -> Bool) throws -> Void) {
        let thread = Thread { [self] in
            do { try body { isStopping.load(ordering: .relaxed) } } catch { failure.withLock { $0 = error } }
            done.signal()
        }
        thread.name = name
        thread.start()
    }

    /// Waits until the body has ended; throws what it has thrown.
    func stop() throws {
        isStopping.store(true, ordering: .relaxed)
        done.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

/// Reads pages at a steady rate, and notes how long each takes from the moment when it was due: a server that stands still
/// delays all that become due meanwhile.
final class SteadyReader: Sendable {
    private let loop: BackgroundLoop
    private let times: Times

    private final class Times: Sendable {
        let seconds = Mutex<[Double]>([])
    }

    /// `connect` makes, on the reader's thread, what reads one page.
    init(perSecond: Double, connect: @escaping @Sendable () throws -> (_ number: Int) throws -> Void) {
        let times = Times()
        self.times = times
        loop = BackgroundLoop("reader") { mustStop in
            let read = try connect()
            let start = monotonicSeconds()
            var number = 0
            while !mustStop() {
                let due = start + Double(number) / perSecond
                let early = due - monotonicSeconds()
                if early > 0 { Thread.sleep(forTimeInterval: early) }
                // From when the reader was up: its own wakening is not the server's.
                let begin = max(due, early > 0 ? monotonicSeconds() : due)
                try read(number)
                let seconds = monotonicSeconds() - begin
                times.seconds.withLock { $0.append(seconds) }
                number += 1
            }
        }
    }

    /// Ends it and returns what was measured.
    func stop() throws -> LatencyFigures {
        try loop.stop()
        return LatencyFigures(seconds: times.seconds.withLock { $0 })
    }
}
