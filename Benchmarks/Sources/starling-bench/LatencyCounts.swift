/// Times of answers, in microseconds.
struct LatencyFigures: Codable {
    var count: Int
    var p50: Double
    var p99: Double
    var p999: Double
    var maximum: Double

    init(seconds: [Double]) {
        let sorted = seconds.sorted()
        func share(_ part: Double) -> Double {
            sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))] * 1e6
        }
        count = sorted.count
        p50 = share(0.5)
        p99 = share(0.99)
        p999 = share(0.999)
        maximum = (sorted.last ?? 0) * 1e6
    }
}
