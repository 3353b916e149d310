import NIOCore
import StarlingEngine
import StarlingLimits
import StarlingLog
import StarlingSimulation
import StarlingTopics

/// Everything that can be set about the daemon, by the key that the configuration file and `--set` use.
public struct DaemonConfiguration: Sendable {
    /// The data directory.
    public var data = ""
    /// The public HTTP listener.
    public var http = ListenAddress("127.0.0.1:8480").unsafelyUnwrapped
    /// The TCP listener.
    public var tcp = ListenAddress("127.0.0.1:7480").unsafelyUnwrapped
    /// The admin HTTP listener.
    public var admin = ListenAddress("127.0.0.1:8481").unsafelyUnwrapped
    /// The engine's settings.
    public var engine = EngineConfiguration()
    /// Event loops that serve the listeners.
    public var eventLoops = 1
    /// Whether actors have to show access tokens. Off, a client says itself who acts.
    public var isAuthenticated = false
    /// The logarithm of what hashing a password costs: 2 to the power of it KiB.
    public var scryptCost = 15
    /// How long a refresh token is good, in seconds.
    public var refreshSeconds = 30 * 86_400
    /// Whether browsers send session cookies over TLS only.
    public var hasSecureCookies = true
    /// Lines of the log from this level on: `debug`, `info`, `warning` or `error`.
    public var logLevel = "info"
    /// Faults of the disk, for `starling check crash` only; nil in service. Neither listed nor shown with the settings.
    var faults: FaultPlan?
    var tcpLimits = TCPLimits()
    var httpLimits = HTTPLimits()
    /// A PEM file with the certificate of the HTTP and the TCP listener; empty for listeners without TLS.
    var tlsCertificate = ""
    /// A PEM file with its private key.
    var tlsKey = ""
    /// Whether the admin listener shows that certificate too.
    var adminTLS = false
    var connectionLimits = ConnectionLimits(perAddress: 1_024, perSecond: 5_000)
    var rateLimitRules: [RateLimitRule] = []
    /// Keys that each rule remembers.
    var rateLimitKeys = 65_536
    /// How often the levels of rate limits are kept for a restart.
    var rateLimitSaveSeconds: Int64 = 10
    /// Whose `X-Forwarded-For` is believed.
    var trustedProxies: [AddressRange] = []
    /// A file with rules of moderation; empty for none.
    var moderationRules = ""
    /// Who may judge posts, where it is known who acts.
    var moderators: [UserID] = []
    /// Origins whose pages may use the HTTP interface.
    var corsOrigins: [String] = []

    /// The defaults: loopback listeners, one worker a processor.
    public init(processors: Int) {
        engine.workers = min(max(processors, 1), 64)
    }

    /// One setting: its key, how it is read and how it is shown.
    struct Setting: Sendable {
        var key: String
        var read: @Sendable (DaemonConfiguration) -> String
        var write: @Sendable (inout DaemonConfiguration, String) -> String?

        static func text(_ key: String, _ path: any WritableKeyPath<DaemonConfiguration, String> & Sendable) -> Setting
        {
            Setting(key: key, read: { $0[keyPath: path] }) { configuration, value in
                configuration[keyPath: path] = value
                return nil
            }
        }

        static func number<Number: FixedWidthInteger & Sendable>(
            _ key: String, _ path: any WritableKeyPath<DaemonConfiguration, Number> & Sendable,
            _ range: ClosedRange<Number>
        ) -> Setting {
            Setting(key: key, read: { String($0[keyPath: path]) }) { configuration, value in
                guard let number = Number(value), range.contains(number) else {
                    return "it must be a whole number from \(range.lowerBound) to \(range.upperBound)"
                }
                configuration[keyPath: path] = number
                return nil
            }
        }

        static func flag(_ key: String, _ path: any WritableKeyPath<DaemonConfiguration, Bool> & Sendable) -> Setting {
            Setting(key: key, read: { $0[keyPath: path] ? "true" : "false" }) { configuration, value in
                guard let flag = Bool(value) else { return "it must be true or false" }
                configuration[keyPath: path] = flag
                return nil
            }
        }

        /// A limit; 0 stands for none.
        static func optional(
            _ key: String, _ path: any WritableKeyPath<DaemonConfiguration, UInt64?> & Sendable
        ) -> Setting {
            Setting(key: key, read: { String($0[keyPath: path] ?? 0) }) { configuration, value in
                guard let number = UInt64(value) else { return "it must be a number, 0 for no limit" }
                configuration[keyPath: path] = number == 0 ? nil : number
                return nil
            }
        }

        static func address(
            _ key: String, _ path: any WritableKeyPath<DaemonConfiguration, ListenAddress> & Sendable
        ) -> Setting {
            Setting(key: key, read: { $0[keyPath: path].description }) { configuration, value in
                guard let address = ListenAddress(value) else { return "it must be HOST:PORT" }
                configuration[keyPath: path] = address
                return nil
            }
        }

        static let logLevel = Setting(
            key: "logging.level", read: { $0.logLevel },
            write: { configuration, value in
                guard ["debug", "info", "warning", "error"].contains(value) else {
                    return "it must be debug, info, warning or error"
                }
                configuration.logLevel = value
                return nil
            })

        static let acknowledgement = Setting(
            key: "ack", read: { $0.engine.acknowledgement.rawValue },
            write: { configuration, value in
                guard let level = AcknowledgementLevel(rawValue: value) else { return "it must be memory, os or disk" }
                configuration.engine.acknowledgement = level
                return nil
            })

        /// Not set, the one that was kept is in force: `RuntimeSettings` tells it.
        static let celebrityThreshold = Setting(
            key: RuntimeSettings.celebrityThresholdKey,
            read: { String($0.engine.celebrityThreshold ?? EngineConfiguration.defaultCelebrityThreshold) },
            write: { configuration, value in
                guard let number = Int(value), number >= 1 else { return "it must be a whole number of at least 1" }
                configuration.engine.celebrityThreshold = number
                return nil
            })

        static let celebrityCostShare = Setting(
            key: RuntimeSettings.celebrityCostShareKey, read: { String($0.engine.celebrityCostShare) },
            write: { configuration, value in
                guard let share = RuntimeSettings.share(value) else { return RuntimeSettings.shareRange }
                configuration.engine.celebrityCostShare = share
                return nil
            })

        static let authentication = Setting(
            key: "auth", read: { $0.isAuthenticated ? "on" : "off" },
            write: { configuration, value in
                guard value == "on" || value == "off" else { return "it must be on or off" }
                configuration.isAuthenticated = value == "on"
                return nil
            })
    }

    /// Can be set, but is not listed: it is there to break the daemon.
    private static let faultSetting = Setting(
        key: "check.faults", read: { $0.faults?.description ?? "" },
        write: { configuration, value in
            guard let plan = FaultPlan(value) else { return "it must be ACTION:CALL:COUNT, or sync=noop" }
            configuration.faults = plan
            return nil
        })

    private static let settings: [Setting] = [
        .text("data", \.data),
        .address("http.listen", \.http),
        .address("tcp.listen", \.tcp),
        .address("admin.listen", \.admin),
        .acknowledgement,
        .authentication,
        .number("auth.scryptCost", \.scryptCost, PasswordHash.costs),
        .number("auth.refreshSeconds", \.refreshSeconds, 60...(400 * 86_400)),
        .flag("auth.secureCookies", \.hasSecureCookies),
        .number("workers", \.engine.workers, 1...64),
        .flag("workers.pinned", \.engine.pinWorkers),
        .number("eventLoops", \.eventLoops, 1...64),
        .logLevel,
        .number("timeline.cap", \.engine.timelineCap, 1...1_000_000),
        .number("notifications.kept", \.engine.notificationsKept, 1...1_000_000),
        .celebrityThreshold,
        .celebrityCostShare,
        .number("fanout.celebrityHysteresisPercent", \.engine.celebrityHysteresisPercent, 1...100),
        .number("fanout.awayAfterSeconds", \.engine.awayAfterSeconds, 0...UInt32.max),
        .number("fanout.pieceDeliveries", \.engine.pieceDeliveries, 1...(1 << 20)),
        .number("fanout.deliveryRecords", \.engine.deliveryRecords, 1...(1 << 28)),
        .flag("fanout.feedEvents", \.engine.feedEvents),
        .number("fanout.feedEventPartitions", \.engine.feedEventPartitions, 1...TopicsConfiguration.partitionsPerTopic),
        .number("topics.segmentBytes", \.engine.topics.segmentBytes, 65_536...(1 << 40)),
        .optional("topics.retentionBytes", \.engine.topics.retention.bytes),
        .optional("topics.retentionMilliseconds", \.engine.topics.retention.milliseconds),
        .number("topics.partitions", \.engine.topics.maximumPartitions, 1...100_000),
        .number("topics.queue", \.engine.topics.queueLimit, 1...(1 << 24)),
        .number("topics.queueBytes", \.engine.topics.queueBytes, 1...(1 << 40)),
        .number("topics.waiters", \.engine.topics.maximumWaiters, 0...1_000_000),
        .number("topics.producers", \.engine.topics.producersPerPartition, 8...100_000),
        .number("log.segmentBytes", \.engine.log.segmentBytes, 65_536...(1 << 40)),
        .number("log.segmentMilliseconds", \.engine.log.segmentMilliseconds, 0...UInt64.max),
        .optional("log.retentionBytes", \.engine.retention.bytes),
        .optional("log.retentionMilliseconds", \.engine.retention.milliseconds),
        .number("log.scrubBytesPerSecond", \.engine.scrubBytesPerSecond, 0...UInt64.max),
        .number("log.scrubPauseMilliseconds", \.engine.scrubPauseMilliseconds, 0...UInt64.max),
        .number("log.erasePauseMilliseconds", \.engine.erasePauseMilliseconds, 0...UInt64.max),
        .number("log.eraseWithinMilliseconds", \.engine.eraseWithinMilliseconds, 0...UInt64.max),
        .flag("snapshots", \.engine.snapshots.isEnabled),
        .number("snapshots.records", \.engine.snapshots.records, 0...UInt64.max),
        .number("snapshots.logBytes", \.engine.snapshots.logBytes, 0...UInt64.max),
        .number("snapshots.milliseconds", \.engine.snapshots.milliseconds, 0...UInt64.max),
        .number("snapshots.recordsAtClose", \.engine.snapshots.recordsAtClose, 0...UInt64.max),
        .number("snapshots.bufferBytes", \.engine.snapshots.bufferBytes, 1 << 20...(1 << 40)),
        .number("log.batchBytes", \.engine.log.batchBytes, 1...(8 << 20)),
        .number("idempotency.milliseconds", \.engine.idempotencyMilliseconds, 0...UInt64.max),
        .number("limits.idempotencyKeys", \.engine.maximumIdempotencyKeys, 0...(1 << 40)),
        .number("memory.bodyCacheBytes", \.engine.bodyCacheBytes, 0...(1 << 40)),
        .number("memory.arenaBytes", \.engine.arenaBytes, 1 << 20...(64 << 30)),
        .flag("memory.hugePages", \.engine.hugePages),
        .number("limits.users", \.engine.maximumUsers, 1...Int(UInt32.max) - 1),
        .number("limits.posts", \.engine.maximumPosts, 1...Int(UInt32.max) - 1),
        .number("limits.writeQueue", \.engine.writeQueueLimit, 1...(1 << 24)),
        .number("limits.writeQueueBytes", \.engine.writeQueueBytes, 1...(1 << 40)),
        .number("limits.readQueue", \.engine.readQueueLimit, 1...(1 << 24)),
        .number("tcp.connections", \.tcpLimits.connections, 1...1_000_000),
        .number("tcp.inFlight", \.tcpLimits.inFlight, 1...UInt16.max),
        .number("tcp.payloadBytes", \.tcpLimits.payloadBytes, 1_024...(16 << 20)),
        .number("http.connections", \.httpLimits.connections, 1...1_000_000),
        .number("http.bodyBytes", \.httpLimits.bodyBytes, 1...(1 << 30)),
        .number("http.headerBytes", \.httpLimits.headerBytes, 1_024...(1 << 20)),
        .number("http.idleSeconds", \.httpLimits.idleSeconds, 1...86_400),
    ]

    private static let shownSettings = settings + rankingSettings + doorSettings + moderationSettings

    /// Sets one key from its text.
    public mutating func set(_ key: String, _ value: String) throws(ConfigurationError) {
        guard let setting = (Self.shownSettings + [Self.faultSetting]).first(where: { $0.key == key }) else {
            throw ConfigurationError(key: key, reason: "there is no such setting; see docs/operations.md")
        }
        if let reason = setting.write(&self, value) {
            throw ConfigurationError(key: key, reason: "\"\(value)\" is not possible: \(reason)")
        }
    }

    /// All settings by key, as text.
    public var values: [String: String] {
        Dictionary(uniqueKeysWithValues: Self.shownSettings.map { ($0.key, $0.read(self)) })
    }

    /// Throws the first contradiction between settings.
    public func validate() throws(ConfigurationError) {
        if data.isEmpty { throw ConfigurationError(key: "data", reason: "a data directory is needed: --data DIR") }
        if tlsCertificate.isEmpty != tlsKey.isEmpty {
            throw ConfigurationError(
                key: tlsKey.isEmpty ? "tls.key" : "tls.certificate",
                reason: "a certificate and its key are needed, or neither: --tls-cert FILE --tls-key FILE")
        }
        if adminTLS, tlsCertificate.isEmpty {
            throw ConfigurationError(key: "admin.tls", reason: "there is no tls.certificate to show")
        }
        if let problem = engine.problem { throw ConfigurationError(key: "engine", reason: problem) }
        for (key, address) in [("http.listen", http), ("tcp.listen", tcp)]
        where !address.isLoopback && !isAuthenticated {
            throw ConfigurationError(
                key: key,
                reason:
                    "\(address) can be reached from other machines, which needs authentication: set auth to on, or listen on"
                    + " 127.0.0.1")
        }
        if !admin.isLoopback {
            throw ConfigurationError(
                key: "admin.listen",
                reason:
                    "\(admin) can be reached from other machines, and the admin listener asks nobody who he is: listen on"
                    + " 127.0.0.1")
        }
    }
}

/// A setting that cannot be used. The program ends with exit code 78.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The setting's key.
    public var key: String
    /// What is wrong with it and what would be possible.
    public var reason: String

    /// Creates an error.
    public init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }

    /// One line.
    public var description: String { "\(key): \(reason)" }
}
