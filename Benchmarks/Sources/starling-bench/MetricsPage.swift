import Foundation

/// The lines of /metrics, by name and labels as they stand there.
struct MetricsPage {
    private var values: [String: Double] = [:]

    init(_ data: Data) {
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
            if let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) {
                values[String(line[..<space])] = value
            }
        }
    }

    subscript(name: String) -> Double { values[name] ?? 0 }

    /// Entries that were put into timelines since the log began.
    var deliveries: Double { self["starling_deliveries_total{mode=\"push\"}"] }

    /// The workers' stalls since the start.
    var stalls: StallFigures {
        let name = "starling_snapshot_stall_seconds"
        func quantile(_ text: String) -> Double { self["\(name){quantile=\"\(text)\"}"] * 1e6 }
        return StallFigures(
            count: Int(self[name + "_count"]), p50: quantile("0.5"), p99: quantile("0.99"), p999: quantile("0.999"),
            maximum: quantile("1"))
    }
}

/// How long workers looked at no read, in microseconds.
struct StallFigures: Codable {
    var count: Int
    var p50: Double
    var p99: Double
    var p999: Double
    var maximum: Double

    var text: String { String(format: "%.0f / %.0f / %.0f / %.0f us (%d)", p50, p99, p999, maximum, count) }
}
