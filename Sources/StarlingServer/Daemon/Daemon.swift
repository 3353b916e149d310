import Logging
import NIOCore
import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingSimulation
import StarlingSystem
import StarlingTopics
import Synchronization

/// The daemon: an engine and its listeners.
public final class Daemon: Sendable {
    /// The version of this build.
    public static let version = "0.1.0"
    /// How long clients have at the end to finish what they have begun; then their connections are cut.
    static let drainTime = Duration.seconds(5)
    static let versionText = "starling/\(version)"

    /// The engine behind the listeners.
    public let engine: Engine
    /// Where the public HTTP listener is.
    public let http: ListenAddress
    /// Where the TCP listener is.
    public let tcp: ListenAddress
    /// Where the admin listener is.
    public let admin: ListenAddress
    private let gateways: [HTTPGateway]
    private let server: TCPServer
    private let threads: ServerThreads
    private let readiness: Readiness
    private let shared: Shared

    private init(
        service: Service, gateways: [HTTPGateway], server: TCPServer, threads: ServerThreads, readiness: Readiness,
        shared: Shared
    ) {
        engine = service.engine
        self.gateways = gateways
        self.server = server
        self.threads = threads
        self.readiness = readiness
        self.shared = shared
        http = Self.address(gateways[0].address)
        admin = Self.address(gateways[1].address)
        tcp = Self.address(server.address)
    }

    private static func address(_ socket: SocketAddress) -> ListenAddress {
        ListenAddress(host: socket.ipAddress ?? "localhost", port: socket.port ?? 0)
    }

    /// Opens the engine and starts listening. Returns when all listeners answer.
    ///
    /// - Parameters:
    ///   - configuration: the settings; checked here.
    ///   - logger: where lines about the service go.
    ///   - onLogLevel: called when `logging.level` has changed.
    ///   - onFailure: called once when the log has failed; the process should end with exit code 70.
    /// - Throws: `ConfigurationError`, `EngineOpenError`, `DiskError` for the key file, `ListenError`.
    public static func start(
        _ configuration: DaemonConfiguration, logger: Logger,
        onLogLevel: @escaping @Sendable (String) -> Void = { _ in }, onFailure: @escaping @Sendable (String) -> Void
    ) async throws -> Daemon {
        try configuration.validate()
        let identity: TLSIdentity? =
            configuration.tlsCertificate.isEmpty
            ? nil : try TLSIdentity(certificate: configuration.tlsCertificate, key: configuration.tlsKey)
        var environment = EngineEnvironment.system()
        environment.notify = { notice in
            let level: Logger.Level =
                switch notice.level {
                case .info: .info
                case .warning: .warning
                case .error: .error
                }
            logger.log(level: level, "\(notice.text)")
        }
        if let faults = configuration.faults {
            logger.warning(
                "the disk is broken on purpose: check.faults=\(faults); never use this data directory for real")
            environment.disk = FaultInjectingDisk(environment.disk, plan: faults)
        }
        let engine = try Engine.open(
            directory: configuration.data, configuration: configuration.engine, environment: environment,
            onFailure: onFailure)
        let threads = ServerThreads(eventLoops: configuration.eventLoops)
        do {
            let table = try OperationTable()
            let key = try SecretKey.load(directory: configuration.data, disk: environment.disk)
            let accounts = try await AccountServices(
                configuration, disk: environment.disk, time: environment.time, threads: threads.passwordHashers)
            let shared = Shared(
                configuration, engine: engine, disk: environment.disk, identity: identity,
                limits: RateLimitKeeper(
                    configuration, table: table, disk: environment.disk, clock: SystemTime(), logger: logger),
                onLogLevel: onLogLevel, logger: logger)
            _ = try await shared.moderationRules?.load(into: engine)
            let service = try Service(
                table: table, engine: engine, cursors: CursorSigner(key: key), settings: shared.settings,
                limiter: shared.limits.requests, accounts: accounts, bodyReaders: threads.bodyReaders)
            return try await listen(configuration, service, threads: threads, shared)
        } catch {
            // The first error is the one to report; what fails while tidying up after it follows from it.
            try? engine.close()
            try? await threads.shutDown()
            throw error
        }
    }

    private static func listen(
        _ configuration: DaemonConfiguration, _ service: Service, threads: ServerThreads, _ shared: Shared
    ) async throws -> Daemon {
        let readiness = Readiness()
        var gateways: [HTTPGateway] = []
        do {
            for (address, isAdmin) in [(configuration.http, false), (configuration.admin, true)] {
                let documents = DocumentRoutes(
                    table: service.table, isAdmin: isAdmin, isAuthenticated: configuration.isAuthenticated,
                    readiness: readiness)
                let responder = GatewayResponder(
                    service: service, isAdmin: isAdmin, documents: documents, settings: shared.doors)
                let options = HTTPGateway.Options(
                    host: address.host, port: address.port, settings: shared.doors,
                    // Whoever runs the server gets in, however many others there are.
                    admission: isAdmin ? .unlimited : shared.admission,
                    identity: isAdmin && !configuration.adminTLS ? nil : shared.identity, logger: shared.logger)
                gateways.append(
                    try await ListenError.naming(address) {
                        try await HTTPGateway.start(options, responder: responder, group: threads.eventLoops)
                    })
            }
            let options = TCPServer.Options(
                host: configuration.tcp.host, port: configuration.tcp.port, settings: shared.doors,
                admission: shared.admission, identity: shared.identity, logger: shared.logger)
            let server = try await ListenError.naming(configuration.tcp) {
                try await TCPServer.start(options, service: service, group: threads.eventLoops)
            }
            shared.limits.start(every: .seconds(configuration.rateLimitSaveSeconds), on: threads)
            return Daemon(
                service: service, gateways: gateways, server: server, threads: threads, readiness: readiness,
                shared: shared)
        } catch {
            for gateway in gateways { await gateway.shutDown() }
            throw error
        }
    }

    /// Takes over what file and command line say now, as far as it can change while running, and reads certificate and key
    /// again. Says in the log for each key whether it is in force or needs a restart.
    ///
    /// - Parameter configuration: what was loaded, checked by `validate`. What cannot be loaded is to be reported and not
    ///   handed in: nothing changes then.
    public func reload(_ configuration: DaemonConfiguration) async {
        let logger = shared.logger
        if let identity = shared.identity {
            do throws(ConfigurationError) {
                try identity.reload()
                logger.info("reloaded: the certificate is in force for new connections")
            } catch {
                logger.error("not reloaded, the certificate before stays in force", metadata: ["reason": "\(error)"])
            }
        }
        if let rules = shared.moderationRules {
            do throws(ConfigurationError) {
                let words = try await rules.load(into: engine) ? "are in force" : "have not changed"
                logger.info("reloaded: the rules of moderation \(words)")
            } catch {
                logger.error("not reloaded, the rules before stay in force", metadata: ["reason": "\(error)"])
            }
        }
        let (change, needRestart) = shared.settings.difference(to: configuration)
        for key in needRestart {
            logger.warning("not reloaded: it needs a restart", metadata: ["setting": "\(key)"])
        }
        if let threshold = change.celebrityThreshold {
            let result = await withCheckedContinuation { continuation in
                engine.setCelebrityThreshold(threshold) { continuation.resume(returning: $0) }
            }
            if case .failure(let error) = result {
                return logger.error("not reloaded: nothing was changed", metadata: ["reason": "\(error)"])
            }
        }
        shared.settings.commit(change)
        for key in change.keys { logger.info("reloaded: it is in force", metadata: ["setting": "\(key)"]) }
        if change.keys.isEmpty, needRestart.isEmpty { logger.info("reloaded: no setting has changed") }
    }

    /// Stops accepting, answers what has been asked, commits, marks the log as cleanly closed. Takes some seconds at most.
    public func shutDown() async throws {
        readiness.state = .draining
        engine.topics.endWaits()
        await withTaskGroup(of: Void.self) { [server, gateways] listeners in
            listeners.addTask { await server.shutDown(timeout: Self.drainTime) }
            for gateway in gateways { listeners.addTask { await gateway.shutDown() } }
        }
        shared.limits.stop()
        try engine.close()
        try await threads.shutDown()
    }
}

/// A listener that could not be opened. The program ends with exit code 75 when the port is taken.
public struct ListenError: Error, CustomStringConvertible {
    /// Where it should have listened.
    public let address: ListenAddress
    /// What the system said.
    public let reason: String

    /// One line.
    public var description: String {
        "cannot listen on \(address): \(reason); choose another port, or 0 for a free one"
    }

    /// Runs `body`, and names the address when it fails.
    static func naming<Result>(
        _ address: ListenAddress, _ body: () async throws -> Result
    ) async throws(ListenError) -> Result {
        do { return try await body() } catch { throw ListenError(address: address, reason: "\(error)") }
    }
}
