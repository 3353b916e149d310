/// What reading pages came to.
struct PageFigures {
    var pagesPerSecond: Double
    /// Seconds until a page was there.
    var p50: Double
    var p99: Double
    var processors: Double
    /// Processor time of the server a page, with the warm-up's pages; nil when none was read.
    var secondsAPage: Double?

    /// `clock` began with the load, which has just ended.
    init(_ figures: LoadFigures, _ clock: ServerClock) {
        pagesPerSecond = figures.perSecond
        p50 = figures.percentile(0.5)
        p99 = figures.percentile(0.99)
        processors = clock.processors
        secondsAPage = figures.allRequests > 0 ? clock.seconds / Double(figures.allRequests) : nil
    }

    var row: [Double?] { [pagesPerSecond, p50, p99, processors, secondsAPage] }

    static let columns: [Section.Column] = [
        .init(name: "pages/s", unit: .perSecond), .init(name: "p50", unit: .seconds),
        .init(name: "p99", unit: .seconds), .init(name: "server's processors", unit: .processors),
        .init(name: "its processor time a page", unit: .seconds),
    ]
}
