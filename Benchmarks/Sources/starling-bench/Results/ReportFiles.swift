import Foundation

extension Report {
    /// Writes the JSON, the table and the plots, prints the table, and says where they are.
    mutating func publish(to directory: String, plots pictures: [any PlotSVG]) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (number, picture) in pictures.enumerated() {
            let name = "\(machine.date.prefix(10))-\(fileName)-\(number + 1).svg"
            try Data(picture.svg.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
            plots.append(name)
        }
        let files = try ResultFiles.write(self, table: markdown, to: directory, name: fileName, machine)
        print(markdown)
        print("\nwritten: \((files + plots.map { "\(directory)/\($0)" }).joined(separator: ", "))")
    }
}
