import Foundation

/// Lines over two logarithmic axes, with a mark and the value at each point.
struct LinePlot: PlotSVG {
    struct Series {
        var name: String
        var points: [(x: Double, y: Double)]
    }

    var title: String
    var xAxis: String
    var yAxis: String
    var unit: Unit
    var series: [Series]

    private static let (width, height) = (960.0, 460.0)
    private static let (left, right, top, bottom) = (90.0, 200.0, 56.0, 60.0)
    /// Between the frame and the first and last points, so that their values stand free.
    private static let inset = 30.0

    /// A logarithmic axis from a power of ten to a power of ten, or over the powers of two that were measured.
    private struct Axis {
        let low: Double
        let high: Double
        let start: Double
        let end: Double

        init(_ values: [Double], from start: Double, to end: Double, widensToDecades: Bool) {
            let logarithms = values.filter { $0 > 0 }.map { log10($0) }
            let (least, greatest) = (logarithms.min() ?? 0, logarithms.max() ?? 1)
            low = widensToDecades ? least.rounded(.down) : least
            let top = widensToDecades ? greatest.rounded(.up) : greatest
            high = top > low ? top : low + 1
            self.start = start
            self.end = end
        }

        func place(_ value: Double) -> Double {
            start + (log10(max(value, 1e-12)) - low) / (high - low) * (end - start)
        }

        var decades: [Double] { stride(from: low, through: high, by: 1).map { pow(10, $0) } }
    }

    var svg: String {
        let points = series.flatMap(\.points)
        let across = Axis(
            points.map(\.x), from: Self.left + Self.inset, to: Self.width - Self.right - Self.inset,
            widensToDecades: false)
        let up = Axis(
            points.map(\.y), from: Self.height - Self.bottom, to: Self.top, widensToDecades: true)
        var parts: [String] = []
        for decade in up.decades {
            let y = up.place(decade)
            parts.append(SVGText.line(Self.left, y, Self.width - Self.right, y, colour: "#ddd"))
            parts.append(SVGText.text(unit.text(decade), x: Self.left - 8, y: y + 4, anchor: "end"))
        }
        for x in Set(points.map(\.x)).sorted() {
            parts.append(SVGText.line(across.place(x), up.start, across.place(x), up.end, colour: "#eee"))
            parts.append(
                SVGText.text(String(format: "%g", x), x: across.place(x), y: up.start + 18, anchor: "middle"))
        }
        for (number, line) in series.enumerated() {
            // Values stand above and below in turn, where lines may run close to each other.
            parts += draw(
                line, SVGText.colours[number % SVGText.colours.count], across, up,
                valuesAt: number.isMultiple(of: 2) ? -8 : 17)
            parts.append(
                SVGText.text(
                    line.name, x: Self.width - Self.right + 16, y: Self.top + 20 * Double(number) + 4,
                    colour: SVGText.colours[number % SVGText.colours.count]))
        }
        parts.append(SVGText.text(xAxis, x: across.start, y: Self.height - 16, colour: "#555"))
        parts.append(SVGText.text(yAxis + " (logarithmic)", x: 16, y: Self.top - 12, colour: "#555"))
        return SVGText.document(width: Self.width, height: Self.height, title: title, parts)
    }

    private func draw(
        _ line: Series, _ colour: String, _ across: Axis, _ up: Axis, valuesAt offset: Double
    ) -> [String] {
        let places = line.points.map { (x: across.place($0.x), y: up.place($0.y)) }
        var parts: [String] = []
        for (one, next) in zip(places, places.dropFirst()) {
            parts.append(SVGText.line(one.x, one.y, next.x, next.y, colour: colour, width: 2))
        }
        for (place, point) in zip(places, line.points) {
            parts.append(SVGText.rectangle(x: place.x - 3, y: place.y - 3, width: 6, height: 6, colour: colour))
            parts.append(
                SVGText.text(
                    unit.text(point.y), x: place.x, y: place.y + offset, anchor: "middle", size: 11, colour: colour)
            )
        }
        return parts
    }
}
