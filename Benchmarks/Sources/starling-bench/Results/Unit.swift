import Foundation

/// What a figure counts, and how it is shown.
enum Unit: String, Codable {
    case perSecond
    case seconds
    case bytes
    /// One figure by another.
    case ratio
    /// Processors in use: 1.00 is one of them all the time.
    case processors
    case count

    /// The figure with three digits that matter.
    func text(_ value: Double) -> String {
        switch self {
        case .perSecond, .count: Self.scaled(value, [(1e9, " G"), (1e6, " M"), (1e3, " k"), (1, "")])
        case .seconds: Self.scaled(value, [(1, " s"), (1e-3, " ms"), (1e-6, " us"), (1e-9, " ns")])
        case .bytes: Self.scaled(value, [(1e9, " GB"), (1e6, " MB"), (1e3, " kB"), (1, " B")])
        case .ratio: Self.digits(value) + "x"
        case .processors: String(format: "%.2f", value)
        }
    }

    /// Median, and least to greatest when there were several runs.
    func text(_ spread: Spread) -> String {
        guard spread.count > 1 else { return text(spread.median) }
        return "\(text(spread.median)) (\(text(spread.minimum)) to \(text(spread.maximum)))"
    }

    private static func scaled(_ value: Double, _ scales: [(unit: Double, name: String)]) -> String {
        guard value != 0, let smallest = scales.last else { return "0" }
        let scale = scales.first { abs(value) >= $0.unit } ?? smallest
        return digits(value / scale.unit) + scale.name
    }

    private static func digits(_ value: Double) -> String {
        switch abs(value) {
        case 100...: String(format: "%.0f", value)
        case 10..<100: String(format: "%.1f", value)
        case 1..<10: String(format: "%.2f", value)
        default: String(format: "%.3f", value)
        }
    }
}
