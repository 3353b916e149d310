/// What appending came to.
struct AppendFigures {
    var appendsPerSecond: Double
    /// Seconds until an answer.
    var p50: Double
    var p99: Double
    /// Processors that the server used; nil for what ran in this process.
    var processors: Double?

    var row: [Double?] { [appendsPerSecond, p50, p99, processors] }

    static let columns: [Section.Column] = [
        .init(name: "appends/s", unit: .perSecond), .init(name: "p50", unit: .seconds),
        .init(name: "p99", unit: .seconds), .init(name: "server's processors", unit: .processors),
    ]
}

/// How many clients append, and how much each leaves unanswered.
struct AppendLoad: Hashable {
    var clients: Int
    var inFlight: Int

    var name: String { "\(clients) client\(clients == 1 ? "" : "s"), \(inFlight) in flight" }

    static let all = [(1, 1), (16, 1), (64, 1), (1, 64), (16, 64), (64, 64)].map {
        AppendLoad(clients: $0.0, inFlight: $0.1)
    }
    static let largest = AppendLoad(clients: 64, inFlight: 64)
}

/// Texts of 100 bytes that do not compress well, the same ones for all.
struct AppendTexts {
    private let texts: [[UInt8]]
    private var random = SplitMix(state: 61)

    static let byteCount = 100

    init() {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-".utf8)
        var random = SplitMix(state: 62)
        texts = (0..<1_024).map { _ in (0..<Self.byteCount).map { _ in letters[random.below(letters.count)] } }
    }

    mutating func next() -> [UInt8] { texts[random.below(texts.count)] }
}
