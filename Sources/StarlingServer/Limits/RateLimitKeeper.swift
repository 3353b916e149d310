import Logging
import NIOCore
import NIOPosix
import StarlingLimits
import StarlingSchema
import StarlingSystem
import Synchronization

/// Makes the limiter go on over a restart: takes up the levels that were kept last, and keeps them every few seconds and at the
/// end.
final class RateLimitKeeper: Sendable {
    let requests: RequestLimiter
    private let file: RateLimitFile
    private let logger: Logger
    private let saving = Mutex<RepeatedTask?>(nil)

    /// Loads and goes on. Levels that cannot be read are a warning: everybody starts anew then.
    init(
        _ configuration: DaemonConfiguration, table: OperationTable, disk: any Disk, clock: any TimeSource,
        logger: Logger
    ) {
        file = RateLimitFile(directory: configuration.data, disk: disk)
        self.logger = logger
        var levels: RateLimitLevels?
        do throws(DiskError) { levels = try file.load() } catch {
            logger.warning("rate limits begin anew: what was kept cannot be read", metadata: ["error": "\(error)"])
        }
        var random = SystemRandomNumberGenerator()
        let secret = levels?.secret ?? Hash128(high: random.next(), low: random.next())
        requests = RequestLimiter(table: table, places: configuration.rateLimitKeys, clock: clock, secret: secret)
        requests.limiter.setRules(configuration.rateLimitRules)
        if let levels { requests.limiter.restore(levels) }
    }

    /// Keeps the levels from time to time, on a thread that may wait for the disk.
    func start(every time: TimeAmount, on threads: ServerThreads) {
        let task = threads.eventLoops.next().scheduleRepeatedTask(initialDelay: time, delay: time) { [weak self] _ in
            threads.bodyReaders.submit { [weak self] _ in self?.save() }
        }
        saving.withLock { $0 = task }
    }

    /// Keeps them for the last time.
    func stop() {
        saving.withLock { $0?.cancel() }
        save()
    }

    private func save() {
        guard requests.limiter.isActive else { return }
        do throws(DiskError) { try file.save(requests.limiter.levels()) } catch {
            logger.warning("rate limits were not kept", metadata: ["error": "\(error)"])
        }
    }
}
