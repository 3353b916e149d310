import Foundation

/// A plot as SVG text: a light ground, dark words, nothing that needs a font of its own.
protocol PlotSVG {
    var svg: String { get }
}

/// Pieces that plots are made of.
enum SVGText {
    static let colours = ["#2563a8", "#c2571a", "#2e7d4f", "#8a3d8f", "#9a7b00", "#5a5a5a", "#b03050", "#1f8a94"]

    static func document(width: Double, height: Double, title: String, _ parts: [String]) -> String {
        let head =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(width)) \(number(height))\""
            + " width=\"\(number(width))\" height=\"\(number(height))\" font-family=\"sans-serif\" font-size=\"13\">"
        let ground = "<rect width=\"100%\" height=\"100%\" fill=\"#fcfcfa\"/>"
        let name = text(title, x: 16, y: 26, size: 16, isBold: true)
        return ([head, "<title>\(escaped(title))</title>", ground, name] + parts + ["</svg>", ""]).joined(
            separator: "\n")
    }

    static func text(
        _ words: String, x: Double, y: Double, anchor: String = "start", size: Double = 13, isBold: Bool = false,
        colour: String = "#222"
    ) -> String {
        "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" font-size=\"\(number(size))\""
            + "\(isBold ? " font-weight=\"bold\"" : "") fill=\"\(colour)\">\(escaped(words))</text>"
    }

    static func rectangle(x: Double, y: Double, width: Double, height: Double, colour: String) -> String {
        "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\""
            + " fill=\"\(colour)\"/>"
    }

    static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, colour: String = "#222", width: Double = 1
    ) -> String {
        "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\""
            + " stroke=\"\(colour)\" stroke-width=\"\(number(width))\"/>"
    }

    static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func escaped(_ words: String) -> String {
        words.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
    }
}
