import Foundation
import Synchronization

/// Looks at the memory of a process twenty times a second and keeps the highest.
final class MemoryWatch: Sendable {
    private let loop: BackgroundLoop
    private let highest: Highest

    private final class Highest: Sendable {
        let sample = Mutex(MemorySample())
    }

    init(_ process: Int32) {
        let highest = Highest()
        self.highest = highest
        loop = BackgroundLoop("memory") { mustStop in
            while !mustStop() {
                let now = ProcessFigures.memory(process)
                highest.sample.withLock { sample in
                    sample.rss = max(sample.rss, now.rss)
                    sample.anonymous = max(sample.anonymous, now.anonymous)
                    sample.file = max(sample.file, now.file)
                    sample.peak = sample.rss
                }
                Thread.sleep(forTimeInterval: 0.05)
            }
        }
    }

    func stop() throws -> MemorySample {
        try loop.stop()
        return highest.sample.withLock { $0 }
    }
}
