import Foundation

/// What a suite has measured: written as JSON with every run, as Markdown, and as plots.
struct Report: Codable {
    /// A figure that must not be below, or not above, a limit; or one that is only noted.
    struct Bar: Codable {
        var name: String
        var figure: Spread
        var unit: Unit
        var minimum: Double?
        var maximum: Double?

        var isMet: Bool { figure.median >= minimum ?? -.infinity && figure.median <= maximum ?? .infinity }

        var line: String {
            let wanted = [minimum.map { "at least \(unit.text($0))" }, maximum.map { "at most \(unit.text($0))" }]
            let bounds = wanted.compactMap { $0 }.joined(separator: ", ")
            let verdict = bounds.isEmpty ? "" : isMet ? "met" : "**not met**"
            return "| \(name) | \(unit.text(figure)) | \(bounds) | \(verdict) |"
        }
    }

    var suite: String
    var title: String
    var machine: Machine
    var isQuick: Bool
    /// Settings and peers, a line each.
    var configuration: [String]
    var sections: [Section] = []
    var bars: [Bar] = []
    /// SVG pictures that were written beside it.
    var plots: [String] = []

    /// Notes a figure, if there is one, against its limit, if there is one. A quick run is judged by no limit.
    mutating func note(
        _ name: String, _ figure: Spread?, atLeast minimum: Double? = nil, atMost maximum: Double? = nil,
        unit: Unit = .ratio
    ) {
        guard let figure else { return }
        bars.append(
            Bar(
                name: name, figure: figure, unit: unit, minimum: isQuick ? nil : minimum,
                maximum: isQuick ? nil : maximum))
    }

    static let barsHead = ["| in one run | measured | wanted | |", "|---|---|---|---|"]

    var markdown: String {
        var lines = ["# \(title)", ""]
        if isQuick {
            lines += [
                "A quick run, to see that everything works: the sizes are small, the figures are not for show.", "",
            ]
        }
        lines += [machine.line + " Medians (least to greatest) of runs in turn.", ""]
        lines += configuration.map { "- \($0)" } + [""]
        lines += plots.map { "![\($0)](\($0))" }
        for section in sections { lines += [""] + section.markdown }
        if !bars.isEmpty { lines += ["", "## Bars", ""] + Self.barsHead + bars.map(\.line) }
        return lines.joined(separator: "\n")
    }

    /// The name of its files.
    var fileName: String { isQuick ? suite + "-quick" : suite }
}
