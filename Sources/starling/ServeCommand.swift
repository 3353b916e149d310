import ArgumentParser
import Logging
import StarlingEngine
import StarlingServer
import UnixSignals

/// `starling serve`: the daemon.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the daemon.",
        discussion: """
            Prints one line "ready http=... tcp=... admin=... lsn=..." on standard output when it answers; its log goes to \
            standard error. SIGTERM ends it in good order, a second one at once. SIGHUP reads the configuration file, the \
            certificate and its key again, and says for each setting that has changed whether it is in force or needs a restart.

            Example: starling serve --data /var/lib/starling --workers 2
            """)

    @Option(help: "The data directory; made when missing.") var data: String?
    @Option(help: "Where to listen for HTTP (default 127.0.0.1:8480; port 0 picks a free one).") var http: String?
    @Option(help: "Where to listen for the TCP protocol (default 127.0.0.1:7480).") var tcp: String?
    @Option(help: "Where to listen for administration (default 127.0.0.1:8481).") var admin: String?
    @Option(help: "Worker threads (default: one a processor).") var workers: String?
    @Option(help: "When a write is answered: memory, os or disk (default disk).") var ack: String?
    @Option(help: "A certificate in PEM: the HTTP and the TCP listener then speak TLS.") var tlsCert: String?
    @Option(help: "The certificate's private key in PEM.") var tlsKey: String?
    @Option(help: "Whether actors have to show access tokens: on or off (default off, for loopback listeners only).")
    var auth: String?
    @Option(help: "A configuration file in YAML.") var config: String?
    @Option(name: .customLong("set"), help: "KEY=VALUE: any setting of the configuration file. May be repeated.")
    var settings: [String] = []

    mutating func run() async throws {
        let command = self
        try await Failure.guarding { try await command.serve() }
    }

    private func serve() async throws {
        let signals = await TerminationSignals()
        let hangUps = await UnixSignalsSequence(trapping: .sighup)
        let configuration = try load()
        let threshold = LineLogHandler.Threshold(Logger.Level(rawValue: configuration.logLevel) ?? .info)
        let logger = Logger(label: "starling") { _ in
            LineLogHandler(threshold: threshold, time: { StandardError.time }, write: { StandardError.write($0) })
        }
        let daemon = try await Daemon.start(
            configuration, logger: logger,
            onLogLevel: { name in if let level = Logger.Level(rawValue: name) { threshold.current = level } },
            onFailure: { [logger] reason in
                logger.critical("the log failed; nothing more can be written", metadata: ["reason": "\(reason)"])
                StandardError.exit(code: 70)
            })
        let reloading = Task { for await _ in hangUps { await reload(daemon, logger) } }
        for line in StartSummary.lines(daemon, configuration) { logger.info("\(line)") }
        StandardOutput.print(
            "ready http=\(daemon.http) tcp=\(daemon.tcp) admin=\(daemon.admin) lsn=\(daemon.engine.publishedLSN)")
        await signals.wait()
        reloading.cancel()
        logger.info("stopping: answering what has been asked; a second signal ends at once")
        try await daemon.shutDown()
        logger.info("stopped cleanly", metadata: ["lsn": "\(daemon.engine.publishedLSN)"])
    }

    /// Takes over what the file says now. A file that cannot be used changes nothing.
    private func reload(_ daemon: Daemon, _ logger: Logger) async {
        do {
            await daemon.reload(try load())
        } catch {
            logger.error("not reloaded: nothing was changed", metadata: ["reason": "\(error)"])
        }
    }

    /// Defaults, then the file, then the flags, then `--set`.
    private func load() throws -> DaemonConfiguration {
        var configuration = DaemonConfiguration(processors: Processors.count)
        do {
            if let config { try ConfigurationFile.apply(path: config, to: &configuration) }
            let flags = [
                ("data", data), ("http.listen", http), ("tcp.listen", tcp), ("admin.listen", admin),
                ("workers", workers), ("ack", ack), ("auth", auth), ("tls.certificate", tlsCert), ("tls.key", tlsKey),
            ]
            for case (let key, let value?) in flags { try configuration.set(key, value) }
            for setting in settings {
                guard let equals = setting.firstIndex(of: "=") else {
                    throw ValidationError("--set \(setting): write it as KEY=VALUE")
                }
                try configuration.set(
                    String(setting[..<equals]), String(setting[setting.index(after: equals)...]))
            }
            try configuration.validate()
        } catch let error as ConfigurationError {
            throw Failure.configuration(error)
        }
        return configuration
    }
}
