import StarlingSimulation
import StarlingSystem

/// How one life of a daemon ends.
enum CrashPlan: Sendable {
    /// SIGKILL after so many milliseconds under load.
    case kill(milliseconds: Int)
    /// SIGTERM after so many milliseconds under load.
    case terminate(milliseconds: Int)
    /// By its own disk: killed at a call, or told that a call failed. After `milliseconds` it is ended from outside.
    case faults(FaultPlan, milliseconds: Int)

    /// A life that ends by SIGKILL, one way or another.
    static func kill(_ random: inout SeededRandom) -> CrashPlan {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55: .kill(milliseconds: moment(&random))
        case 55..<95:
            .faults(
                FaultPlan([.init(kill(&random), call(&random), &random)]),
                milliseconds: Self.longestLife)
        default: .terminate(milliseconds: moment(&random))
        }
    }

    /// A life with a call that fails once, or with many that do.
    static func failure(_ random: inout SeededRandom) -> CrashPlan {
        let action: FaultPlan.Action = Bool.random(using: &random) ? .inputOutputError : .noSpace
        var fault = FaultPlan.Fault(action, call(&random), &random)
        if Bool.random(using: &random) {
            let first = fault.counts.lowerBound
            fault.counts = first...(first + UInt64.random(in: 1...200, using: &random))
        }
        return .faults(FaultPlan([fault]), milliseconds: moment(&random))
    }

    /// Kills a start: there are a few dozen calls until a daemon is ready.
    static func recovery(_ random: inout SeededRandom) -> FaultPlan {
        let count = UInt64.random(in: 1...24, using: &random)
        return FaultPlan([.init(kill(&random), nil, count...count)])
    }

    private static let longestLife = 300

    /// From 5 to 300 ms, short times as often as long ones.
    static func moment(_ random: inout SeededRandom) -> Int {
        Int(logarithmic(5...300, &random))
    }

    private static func kill(_ random: inout SeededRandom) -> FaultPlan.Action {
        [.killBefore, .killMiddle, .killAfter].randomElement(using: &random) ?? .killBefore
    }

    private static func call(_ random: inout SeededRandom) -> FaultPlan.Call? {
        // Writes and syncs are what there is most of.
        let calls: [FaultPlan.Call?] = [.write, .write, .sync, .sync, nil] + FaultPlan.Call.allCases
        return calls.randomElement(using: &random) ?? nil
    }

    fileprivate static func logarithmic(_ range: ClosedRange<UInt64>, _ random: inout SeededRandom) -> UInt64 {
        var highest = range.lowerBound
        while highest < range.upperBound, Int.random(in: 0..<6, using: &random) > 0 { highest = highest * 2 }
        return UInt64.random(in: range.lowerBound...min(highest, range.upperBound), using: &random)
    }
}

extension FaultPlan.Fault {
    /// At a call that a life of some hundred milliseconds reaches, mostly.
    fileprivate init(_ action: FaultPlan.Action, _ call: FaultPlan.Call?, _ random: inout SeededRandom) {
        let highest: UInt64 =
            switch call {
            case .write, .sync: 300
            case nil: 600
            default: 6
            }
        let count = CrashPlan.logarithmic(1...highest, &random)
        self.init(action, call, count...count)
    }
}
