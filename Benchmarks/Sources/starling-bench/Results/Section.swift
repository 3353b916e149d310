/// A table of a report: the same figures of several sides, for each run.
struct Section: Codable {
    /// A figure that every row has.
    struct Column: Codable {
        var name: String
        var unit: Unit
    }

    /// One side, with all its runs.
    struct Row: Codable {
        var side: String
        /// For each run a figure for each column; null where there is none.
        var runs: [[Double?]]
    }

    var title: String
    /// What is measured and how, in a few sentences.
    var about: String
    var columns: [Column]
    var rows: [Row] = []

    init(_ title: String, about: String, columns: [Column]) {
        self.title = title
        self.about = about
        self.columns = columns
    }

    mutating func add(_ side: String, _ figures: [Double?]) {
        precondition(figures.count == columns.count, "\(side): \(figures.count) figures, \(columns.count) columns")
        if let place = rows.firstIndex(where: { $0.side == side }) {
            rows[place].runs.append(figures)
        } else {
            rows.append(Row(side: side, runs: [figures]))
        }
    }

    /// The figures of a side in a column, one a run.
    func values(_ side: String, column: Int = 0) -> [Double] {
        rows.first { $0.side == side }?.runs.compactMap { $0[column] } ?? []
    }

    /// The figures of a column of one side by those of another, run by run; nil when either is missing or zero.
    func ratio(_ side: String, to other: String, column: Int = 0) -> Spread? {
        let quotients = zip(values(side, column: column), values(other, column: column))
            .filter { $0 != 0 && $1 != 0 }.map { $0 / $1 }
        return quotients.isEmpty ? nil : Spread(quotients)
    }

    /// The side with the highest median in the first column among those that satisfy a condition.
    func best(where isCandidate: (String) -> Bool) -> String? {
        rows.map(\.side).filter(isCandidate).max { Spread(values($0)).median < Spread(values($1)).median }
    }

    var markdown: [String] {
        var lines = ["## \(title)", "", about, ""]
        lines.append("| | runs | " + columns.map(\.name).joined(separator: " | ") + " |")
        lines.append("|---|---|" + columns.map { _ in "---|" }.joined())
        for row in rows {
            let cells = columns.indices.map { column in
                let values = row.runs.compactMap { $0[column] }
                return values.isEmpty ? "" : columns[column].unit.text(Spread(values))
            }
            lines.append("| \(row.side) | \(row.runs.count) | " + cells.joined(separator: " | ") + " |")
        }
        return lines
    }
}
