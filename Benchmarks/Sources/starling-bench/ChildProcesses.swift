import Dispatch
import Foundation
import Glibc
import Synchronization

/// The servers that run now, so that none outlives a harness that is interrupted.
final class ChildProcesses: Sendable {
    static let shared = ChildProcesses()
    private let running = Mutex<Set<Int32>>([])
    private let sources = Mutex<[Source]>([])

    /// Dispatch sources may be used from any thread, but are not declared so.
    private struct Source: @unchecked Sendable {
        let source: any DispatchSourceSignal
    }

    /// From here on SIGINT, SIGTERM and SIGHUP end the children first.
    func endOnSignals() {
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                for process in running.withLock({ set in set.map { $0 } }) { Glibc.kill(process, SIGKILL) }
                exit(128 + number)
            }
            source.resume()
            let kept = Source(source: source)
            sources.withLock { $0.append(kept) }
        }
    }

    /// Those that run now.
    var identifiers: [Int32] { running.withLock { $0.sorted() } }

    /// Starts the process and notes it.
    func start(_ process: Process) throws {
        try process.run()
        let identifier = process.processIdentifier
        _ = running.withLock { $0.insert(identifier).inserted }
    }

    /// Waits for its end and forgets it, before its number can belong to another one.
    func wait(_ process: Process) {
        let identifier = process.processIdentifier
        _ = running.withLock { $0.remove(identifier) != nil }
        process.waitUntilExit()
    }
}
