import StarlingEngine
import StarlingLog

/// The engine's figures in the text format of Prometheus, version 0.0.4.
struct MetricsText {
    private var text = ""

    /// What `/metrics` answers with.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    init(_ metrics: EngineMetrics) {
        add(log: metrics)
        add(workers: metrics)
        add(snapshots: metrics)
        add(scrub: metrics.scrub)
        counter(
            "starling_erased_bodies_total", "Bodies of what is gone that were erased from the log.",
            metrics.erasure.bodies)
        gauge(
            "starling_erasures_pending", "Deleted posts and accounts whose bodies are still in the log.",
            metrics.erasure.pending)
        counter("starling_erasure_errors_total", "Segments that could not be written anew.", metrics.erasure.errors)
    }

    var bytes: [UInt8] { Array(text.utf8) }

    private mutating func add(log metrics: EngineMetrics) {
        counter("starling_log_records_total", "Records in sealed batches since the start.", metrics.log.records)
        counter("starling_log_commits_total", "Group commits since the start.", metrics.log.commits)
        counter("starling_log_syncs_total", "Calls of fdatasync since the start.", metrics.log.syncs)
        counter(
            "starling_log_written_bytes_total", "Bytes written to segments since the start.", metrics.log.bytesWritten)
        counter("starling_log_removed_segments_total", "Segments removed by retention.", metrics.log.removedSegments)
        gauge("starling_log_bytes", "Bytes of the log on the disk.", metrics.logBytes)
        gauge("starling_published_lsn", "The last record that readers may see.", metrics.publishedLSN)
    }

    private mutating func add(workers metrics: EngineMetrics) {
        head("consumer_lag", "Records that a worker has not applied yet.", "gauge")
        for (worker, applied) in metrics.appliedLSN.enumerated() {
            line(
                "consumer_lag", "worker=\"\(worker)\"",
                Double(metrics.publishedLSN - min(applied, metrics.publishedLSN)))
        }
        head("starling_deliveries_total", "Posts times followers, since the log began.", "counter")
        line("starling_deliveries_total", "mode=\"push\"", Double(metrics.pushed))
        line("starling_deliveries_total", "mode=\"pull\"", Double(metrics.pulled))
        line("starling_deliveries_total", "mode=\"away\"", Double(metrics.skippedAway))
        gauge("starling_away_readers", "Readers who have not read for long.", metrics.awayReaders)
        gauge(
            "starling_fanout_capacity_deliveries_per_second",
            "What all workers together deliver while they have work; 0 until enough was delivered to tell.",
            metrics.deliveriesPerSecond)
    }

    private mutating func add(_ stalls: StallSummary, as name: String, _ help: String) {
        head(name, help, "summary")
        for (quantile, value) in [
            ("0.5", stalls.p50), ("0.99", stalls.p99), ("0.999", stalls.p999), ("1", stalls.maximum),
        ] {
            line(name, "quantile=\"\(quantile)\"", Double(value) / 1e9)
        }
        line(name + "_count", "", Double(stalls.count))
    }

    private mutating func add(snapshots metrics: EngineMetrics) {
        add(
            metrics.stalls, as: "starling_snapshot_stall_seconds",
            "How long work for a snapshot, or moving loaded pages, kept a worker from its reads. Where the system took the "
                + "processor away meanwhile, the worker's own processor time counts.")
        add(
            metrics.stallsByClock, as: "starling_snapshot_stall_clock_seconds",
            "The same by the clock: with the time that the system gave to other threads.")
        counter(
            "starling_snapshot_stalls_preempted_total", "Stalls in which the system took the processor away.",
            metrics.preemptedStalls)
        let snapshots = metrics.snapshots
        counter("starling_snapshots_total", "Snapshots installed since the start.", snapshots.installed)
        counter("starling_snapshot_failures_total", "Snapshots that came to nothing.", snapshots.failed)
        gauge("starling_snapshot_lsn", "The last record in the newest snapshot.", snapshots.newestLSN)
        if let last = snapshots.last {
            gauge("starling_snapshot_pages", "Pages of 4 KiB that the last snapshot wrote.", last.pages)
            head("starling_snapshot_seconds", "How long the last snapshot took.", "gauge")
            line("starling_snapshot_seconds", "", Double(last.nanoseconds) / 1e9)
        }
    }

    private mutating func add(scrub: ScrubStatistics) {
        counter("starling_scrub_bytes_total", "Bytes of cold log that were re-read and found whole.", scrub.bytes)
        counter("scrub_errors", "Segments that the scrub found damaged or unreadable.", scrub.errors)
    }

    private mutating func counter(_ name: String, _ help: String, _ value: UInt64) {
        head(name, help, "counter")
        line(name, "", Double(value))
    }

    private mutating func gauge(_ name: String, _ help: String, _ value: UInt64) {
        head(name, help, "gauge")
        line(name, "", Double(value))
    }

    private mutating func head(_ name: String, _ help: String, _ type: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: String, _ value: Double) {
        let number = value == value.rounded() && value < 9e15 ? String(Int64(value)) : String(value)
        text += labels.isEmpty ? "\(name) \(number)\n" : "\(name){\(labels)} \(number)\n"
    }
}
