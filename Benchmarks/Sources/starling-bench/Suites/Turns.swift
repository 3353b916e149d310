import Foundation
import Glibc

/// Measures the sides of a section in turn (A B A B), so that a drift of the machine's speed meets all of them.
struct Turns {
    /// One of the things that are compared. `measure` returns a figure for each column but the last.
    struct Side {
        var name: String
        var measure: () throws -> [Double?]

        init(_ name: String, _ measure: @escaping () throws -> [Double?]) {
            self.name = name
            self.measure = measure
        }
    }

    let runs: Int

    /// The last column of every section that is measured in turns: what was not the harness and its servers.
    private static let others = Section.Column(name: "others' processors", unit: .processors)

    func measure(_ title: String, about: String, columns: [Section.Column], _ sides: [Side]) throws -> Section {
        var section = Section(title, about: about, columns: columns + [Self.others])
        for run in 1...runs {
            for (number, side) in sides.enumerated() {
                Progress.note("\(title): run \(run) of \(runs), side \(number + 1) of \(sides.count): \(side.name)")
                let load = MachineLoad()
                let own = Self.ownSeconds()
                let figures = try side.measure()
                section.add(side.name, figures + [load.others(own: Self.ownSeconds() - own, harness: 0)])
            }
        }
        return section
    }

    /// Processor time of the harness, of its servers, and of those that have ended.
    private static func ownSeconds() -> Double {
        var ended = rusage()
        getrusage(RUSAGE_CHILDREN.rawValue, &ended)
        let seconds = [ended.ru_utime, ended.ru_stime].reduce(0.0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
        return ChildProcesses.shared.identifiers.reduce(seconds + ProcessFigures.processorSeconds(getpid())) {
            $0 + ProcessFigures.processorSeconds($1)
        }
    }
}
