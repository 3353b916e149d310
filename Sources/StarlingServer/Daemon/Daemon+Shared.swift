import Logging
import StarlingEngine
import StarlingLimits
import StarlingSystem

extension Daemon {
    /// What the listeners share.
    struct Shared: Sendable {
        var settings: RuntimeSettings
        var doors: DoorSettings
        var limits: RateLimitKeeper
        var admission: ConnectionAdmission
        var identity: TLSIdentity?
        /// Nil when the rules come over the doors alone.
        var moderationRules: ModerationRulesFile?
        var logger: Logger
    }
}

extension Daemon.Shared {
    init(
        _ configuration: DaemonConfiguration, engine: Engine, disk: any Disk, identity: TLSIdentity?,
        limits: RateLimitKeeper, onLogLevel: @escaping @Sendable (String) -> Void, logger: Logger
    ) {
        let doors = DoorSettings(configuration)
        let admission = ConnectionAdmission(limits: configuration.connectionLimits, now: DeadlineTimer.now)
        var effects: [String: RuntimeSettings.Effect] = [
            "rateLimits.rules": { limits.requests.limiter.setRules($0.rateLimitRules) },
            "logging.level": { onLogLevel($0.logLevel) },
        ]
        for key in ["connections.perAddress", "connections.perSecond"] {
            effects[key] = { admission.setLimits($0.connectionLimits) }
        }
        for key in DaemonConfiguration.doorKeys { effects[key] = { doors.set($0) } }
        settings = RuntimeSettings(
            configuration, engine: engine, isAuthenticated: configuration.isAuthenticated,
            offersAdminOverTCP: configuration.tcp.isLoopback && !configuration.isAuthenticated, effects: effects)
        self.doors = doors
        self.admission = admission
        self.limits = limits
        self.identity = identity
        moderationRules =
            configuration.moderationRules.isEmpty
            ? nil : ModerationRulesFile(path: configuration.moderationRules, disk: disk)
        self.logger = logger
    }
}

extension ConnectionAdmission {
    /// Takes everybody.
    static var unlimited: ConnectionAdmission {
        ConnectionAdmission(limits: ConnectionLimits(perAddress: .max, perSecond: 0), now: 0)
    }
}
