import Foundation

/// Median, least and greatest of a few runs.
struct Spread: Codable {
    var median: Double
    var minimum: Double
    var maximum: Double
    var count: Int

    init(_ values: [Double]) {
        let sorted = values.sorted()
        count = sorted.count
        minimum = sorted.first ?? 0
        maximum = sorted.last ?? 0
        let middle = sorted.count / 2
        median =
            sorted.isEmpty ? 0 : sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// As `1.23 (1.20 to 1.30)`, after division by `unit`.
    func text(_ format: String, per unit: Double = 1) -> String {
        String(format: "\(format) (\(format) to \(format))", median / unit, minimum / unit, maximum / unit)
    }
}
