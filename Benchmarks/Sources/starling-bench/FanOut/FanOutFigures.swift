/// What a fan-out over connections came to.
struct FanOutFigures {
    var deliveriesPerSecond: Double
    /// Seconds until a request was answered.
    var answerP50: Double
    var answerP99: Double
    /// Processors that the server used.
    var processors: Double

    var row: [Double?] { [deliveriesPerSecond, answerP50, answerP99, processors] }

    static let columns: [Section.Column] = [
        .init(name: "deliveries/s", unit: .perSecond), .init(name: "answer p50", unit: .seconds),
        .init(name: "answer p99", unit: .seconds), .init(name: "server's processors", unit: .processors),
    ]
}
