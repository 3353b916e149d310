import StarlingEngine
import StarlingServer

/// What the daemon says about itself when it has started.
enum StartSummary {
    static func lines(_ daemon: Daemon, _ configuration: DaemonConfiguration) -> [String] {
        var lines = "\(daemon.engine.recovery.log)".split(separator: "\n").map(String.init)
        lines.append(
            "replayed \(daemon.engine.recovery.replayedRecords) records into \(configuration.engine.workers) workers")
        lines.append("writes are answered at \(configuration.engine.acknowledgement); data in \(configuration.data)")
        lines.append("http \(daemon.http), tcp \(daemon.tcp), admin \(daemon.admin)")
        return lines
    }
}
