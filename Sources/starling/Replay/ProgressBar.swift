import StarlingSystem

/// A line on standard error that shows how far something is; on a terminal it stays one line, elsewhere only the end is
/// printed.
struct ProgressBar {
    private let title: String
    private let unit: String
    private let time = SystemTime()
    private let start: UInt64
    private var lastDrawn: UInt64 = 0

    private static let width = 30
    private static let interval: UInt64 = 100_000_000

    init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
        start = time.monotonicNanoseconds()
    }

    /// Shows `count` things done, `share` (0 to 1) of the whole when that is known.
    mutating func update(_ count: Int, share: Double?) {
        let now = time.monotonicNanoseconds()
        guard StandardError.isTerminal, now - lastDrawn >= Self.interval else { return }
        lastDrawn = now
        StandardError.printInPlace(line(count, share: share, now: now))
    }

    /// Shows the end.
    func finish(_ count: Int) {
        let text = line(count, share: 1, now: time.monotonicNanoseconds())
        if StandardError.isTerminal { StandardError.printInPlace(text) } else { StandardError.print(text) }
        if StandardError.isTerminal { StandardError.print("") }
    }

    private func line(_ count: Int, share: Double?, now: UInt64) -> String {
        let seconds = Double(now - start) / 1e9
        let rate = seconds > 0 ? Double(count) / seconds : 0
        let filled = Int((min(max(share ?? 0, 0), 1) * Double(Self.width)).rounded())
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        let percent = share.map { "\(Int(($0 * 100).rounded())) %" } ?? ""
        return "\(title) [\(bar)] \(percent) \(Quantity.count(count)) \(unit), \(Quantity.count(Int(rate)))/s"
    }
}

/// Numbers for people.
enum Quantity {
    /// `1,234,567`.
    static func count(_ value: Int) -> String {
        var digits = String(abs(value))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        groups.insert(digits, at: 0)
        return (value < 0 ? "-" : "") + groups.joined(separator: ",")
    }

    /// `1.2 ms`, from microseconds.
    static func duration(microseconds: UInt64) -> String {
        switch microseconds {
        case 0..<1_000: "\(microseconds) us"
        case 1_000..<1_000_000: "\(decimal(Double(microseconds) / 1e3)) ms"
        default: "\(decimal(Double(microseconds) / 1e6)) s"
        }
    }

    /// `12.3 MiB`.
    static func bytes(_ value: UInt64) -> String {
        switch value {
        case 0..<(1 << 20): "\(decimal(Double(value) / 1_024)) KiB"
        case (1 << 20)..<(1 << 30): "\(decimal(Double(value) / 1_048_576)) MiB"
        default: "\(decimal(Double(value) / 1_073_741_824)) GiB"
        }
    }

    /// With one digit behind the point.
    static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
