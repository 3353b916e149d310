import StarlingEngine
import StarlingServer

/// What the daemon says about itself when it has started.
enum StartSummary {
    static func lines(_ daemon: Daemon, _ configuration: DaemonConfiguration) -> [String] {
        var lines = "\(daemon.engine.recovery.log)".split(separator: "\n").map(String.init)
        let recovery = daemon.engine.recovery
        lines += recovery.rejectedSnapshots.map { "not used: \($0)" }
        lines.append(
            recovery.snapshotLSN == 0
                ? "no snapshot was loaded" : "loaded the snapshot of record \(recovery.snapshotLSN)")
        lines.append(
            "replayed \(recovery.replayedRecords) records into \(configuration.engine.workers) workers")
        lines.append("writes are answered at \(configuration.engine.acknowledgement); data in \(configuration.data)")
        lines.append("http \(daemon.http), tcp \(daemon.tcp), admin \(daemon.admin)")
        return lines
    }
}
