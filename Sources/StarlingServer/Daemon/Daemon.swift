import Logging
import NIOCore
import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingSimulation
import StarlingSystem
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
    private let accounts: AccountServices

    private init(
        engine: Engine, gateways: [HTTPGateway], server: TCPServer, threads: ServerThreads, readiness: Readiness,
        accounts: AccountServices
    ) {
        self.accounts = accounts
        self.engine = engine
        self.gateways = gateways
        self.server = server
        self.threads = threads
        self.readiness = readiness
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
    ///   - onFailure: called once when the log has failed; the process should end with exit code 70.
    /// - Throws: `ConfigurationError`, `EngineOpenError`, `DiskError` for the key file, `ListenError`.
    public static func start(
        _ configuration: DaemonConfiguration, logger: Logger, onFailure: @escaping @Sendable (String) -> Void
    ) async throws -> Daemon {
        try configuration.validate()
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
            let key = try SecretKey.load(directory: configuration.data, disk: environment.disk)
            let settings = RuntimeSettings(
                values: configuration.values, engine: engine, isAuthenticated: configuration.isAuthenticated,
                offersAdminOverTCP: configuration.tcp.isLoopback && !configuration.isAuthenticated)
            let accounts = try await AccountServices(
                configuration, disk: environment.disk, time: environment.time)
            let service = try Service(
                table: try OperationTable(), engine: engine, cursors: CursorSigner(key: key), settings: settings,
                accounts: accounts, bodyReaders: threads.bodyReaders)
            return try await listen(configuration, service, threads: threads, logger: logger)
        } catch {
            // The first error is the one to report; what fails while tidying up after it follows from it.
            try? engine.close()
            try? await threads.shutDown()
            throw error
        }
    }

    private static func listen(
        _ configuration: DaemonConfiguration, _ service: Service, threads: ServerThreads, logger: Logger
    ) async throws -> Daemon {
        let readiness = Readiness()
        var gateways: [HTTPGateway] = []
        do {
            for (address, isAdmin) in [(configuration.http, false), (configuration.admin, true)] {
                let documents = DocumentRoutes(table: service.table, isAdmin: isAdmin, readiness: readiness)
                let responder = GatewayResponder(
                    service: service, isAdmin: isAdmin, documents: documents, limits: configuration.httpLimits)
                gateways.append(
                    try await ListenError.naming(address) {
                        try await HTTPGateway.start(
                            host: address.host, port: address.port, responder: responder,
                            limits: configuration.httpLimits, group: threads.eventLoops, logger: logger)
                    })
            }
            let server = try await ListenError.naming(configuration.tcp) {
                try await TCPServer.start(
                    host: configuration.tcp.host, port: configuration.tcp.port, service: service,
                    limits: configuration.tcpLimits, group: threads.eventLoops, logger: logger)
            }
            return Daemon(
                engine: service.engine, gateways: gateways, server: server, threads: threads, readiness: readiness,
                accounts: service.accounts)
        } catch {
            for gateway in gateways { await gateway.shutDown() }
            throw error
        }
    }

    /// Stops accepting, answers what has been asked, commits, marks the log as cleanly closed. Takes some seconds at most.
    public func shutDown() async throws {
        readiness.state = .draining
        await withTaskGroup(of: Void.self) { [server, gateways] listeners in
            listeners.addTask { await server.shutDown(timeout: Self.drainTime) }
            for gateway in gateways { listeners.addTask { await gateway.shutDown() } }
        }
        try engine.close()
        try await accounts.shutDown()
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
