/// Horizontal bars, one a side: the median, its value in words, and a whisker from the least to the greatest run.
struct BarPlot: PlotSVG {
    var title: String
    var axis: String
    var unit: Unit
    var bars: [(name: String, figure: Spread)]

    /// The first column of a section, or another.
    init(_ section: Section, column: Int = 0) {
        title = section.title
        axis = section.columns[column].name
        unit = section.columns[column].unit
        bars = section.rows.compactMap { row in
            let values = row.runs.compactMap { $0[column] }
            return values.isEmpty ? nil : (row.side, Spread(values))
        }
    }

    private static let width = 960.0
    private static let rowHeight = 30.0
    private static let top = 48.0
    private static let valueWidth = 90.0
    private static let pointsPerCharacter = 7.2

    var svg: String {
        let nameWidth = 24 + Self.pointsPerCharacter * Double(bars.map(\.name.count).max() ?? 0)
        let highest = max(bars.map(\.figure.maximum).max() ?? 1, 1e-12)
        let scale = max(100, Self.width - nameWidth - Self.valueWidth) / highest
        let bottom = Self.top + Self.rowHeight * Double(bars.count)
        var parts: [String] = []
        for (row, bar) in bars.enumerated() {
            let y = Self.top + Self.rowHeight * Double(row)
            let middle = y + Self.rowHeight / 2
            let end = nameWidth + bar.figure.median * scale
            let colour = SVGText.colours[bar.name.hasPrefix("Starling") ? 0 : 5]
            parts.append(SVGText.text(bar.name, x: nameWidth - 8, y: middle + 4, anchor: "end"))
            parts.append(
                SVGText.rectangle(x: nameWidth, y: y + 5, width: max(1, end - nameWidth), height: 20, colour: colour))
            let right = nameWidth + bar.figure.maximum * scale
            if bar.figure.count > 1 {
                parts.append(SVGText.line(nameWidth + bar.figure.minimum * scale, middle, right, middle, width: 1.5))
            }
            parts.append(SVGText.text(unit.text(bar.figure.median), x: max(end, right) + 6, y: middle + 4))
        }
        parts.append(SVGText.line(nameWidth, Self.top, nameWidth, bottom))
        parts.append(SVGText.text(axis, x: nameWidth, y: bottom + 20, colour: "#555"))
        return SVGText.document(width: Self.width, height: bottom + 34, title: title, parts)
    }
}
