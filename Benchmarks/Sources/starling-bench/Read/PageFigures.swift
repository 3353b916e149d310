/// What reading pages came to.
struct PageFigures {
    var pagesPerSecond: Double
    /// Seconds until a page was there.
    var p50: Double
    var p99: Double
    var processors: Double

    init(_ figures: LoadFigures, processors: Double) {
        pagesPerSecond = figures.perSecond
        p50 = figures.percentile(0.5)
        p99 = figures.percentile(0.99)
        self.processors = processors
    }

    var row: [Double?] {
        [pagesPerSecond, p50, p99, processors, pagesPerSecond > 0 ? processors / pagesPerSecond : nil]
    }

    static let columns: [Section.Column] = [
        .init(name: "pages/s", unit: .perSecond), .init(name: "p50", unit: .seconds),
        .init(name: "p99", unit: .seconds), .init(name: "server's processors", unit: .processors),
        .init(name: "its processor time a page", unit: .seconds),
    ]
}
