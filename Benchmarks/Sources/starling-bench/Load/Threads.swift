import Foundation

/// Threads for a measurement: as many as asked for, whatever the machine has.
enum Threads {
    /// Runs `body` on `count` threads, with their numbers, and waits for all.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let group = DispatchGroup()
        for number in 0..<count {
            group.enter()
            let thread = Thread {
                body(number)
                group.leave()
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
        group.wait()
    }
}
