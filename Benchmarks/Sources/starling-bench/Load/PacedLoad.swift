import Foundation

/// A load at a steady rate, on a thread of its own, beside what is measured.
final class PacedLoad: Sendable {
    private let loop: BackgroundLoop

    /// Between two bursts, in seconds.
    private static let pause = 0.004

    /// `make` makes, on the load's thread, what is sent over one connection to the port.
    init<Dialect: LoadDialect>(
        port: Int, requestsPerSecond: Double, _ make: @escaping @Sendable () throws -> Dialect
    ) {
        loop = BackgroundLoop("posts") { mustStop in
            let load = try PipelinedLoad(port: port, connections: 1, inFlight: 64, make())
            let start = monotonicSeconds()
            var sent = 0
            while !mustStop() {
                let due = Int((monotonicSeconds() - start) * requestsPerSecond) - sent
                if due > 0 {
                    _ = try load.run(until: .requests(due))
                    sent += due
                }
                Thread.sleep(forTimeInterval: Self.pause)
            }
        }
    }

    /// Ends it.
    func stop() throws { try loop.stop() }
}
