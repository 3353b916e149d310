import StarlingEngine
import Synchronization

/// The settings in force, and the few of them that can change while running.
final class RuntimeSettings: Sendable {
    /// Whether the actor comes from a checked token. Without that the client names it.
    let isAuthenticated: Bool
    /// Whether the TCP listener serves the operations of the admin listener too: only where nobody else can reach it.
    let offersAdminOverTCP: Bool
    private let fixed: [String: String]
    private let threshold: Mutex<Int>
    private let engine: Engine

    static let celebrityThresholdKey = "fanout.celebrityThreshold"
    static let awayAfterKey = "fanout.awayAfterSeconds"
    static let celebrityCostShareKey = "fanout.celebrityCostShare"

    /// - Parameter values: all settings by key, as the configuration file names them.
    init(values: [String: String], engine: Engine, isAuthenticated: Bool, offersAdminOverTCP: Bool) {
        fixed = values
        self.engine = engine
        threshold = Mutex(engine.recovery.celebrityThreshold)
        self.isAuthenticated = isAuthenticated
        self.offersAdminOverTCP = offersAdminOverTCP
    }

    /// Followers from which on an author is pulled.
    var celebrityThreshold: Int {
        get { threshold.withLock { $0 } }
        set { threshold.withLock { $0 = newValue } }
    }

    /// All settings by key.
    var values: [String: String] {
        var values = fixed
        values[Self.awayAfterKey] = String(engine.awayAfterSeconds)
        values[Self.celebrityThresholdKey] = String(celebrityThreshold)
        values[Self.celebrityCostShareKey] = String(engine.celebrityCostShare)
        return values
    }

    /// What a share may be, for people.
    static let shareRange = "it must be a decimal number from 0 to 1"

    /// A share, 0 to 1, or nil.
    static func share(_ text: String) -> Double? {
        // Else "nan" and hexadecimal numbers were some.
        guard text.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }), let share = Double(text),
            (0...1).contains(share)
        else { return nil }
        return share
    }

    /// New values that were checked: all of them can be set, or none is.
    struct Change {
        var celebrityThreshold: Int?
        var awayAfterSeconds: UInt32?
        var celebrityCostShare: Double?

        init(_ values: [String: String], known: [String: String]) throws(Problem) {
            for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                guard known[key] != nil else { throw .invalid("values.\(key)", "there is no such setting") }
                switch key {
                case RuntimeSettings.celebrityThresholdKey:
                    guard let number = Int(value), number >= 1 else {
                        throw .invalid("values.\(key)", "it must be a whole number of at least 1")
                    }
                    celebrityThreshold = number
                case RuntimeSettings.awayAfterKey:
                    guard let number = UInt32(value) else {
                        throw .invalid("values.\(key)", "it must be a whole number of seconds, 0 to 4294967295")
                    }
                    awayAfterSeconds = number
                case RuntimeSettings.celebrityCostShareKey:
                    guard let share = RuntimeSettings.share(value) else {
                        throw .invalid("values.\(key)", RuntimeSettings.shareRange)
                    }
                    celebrityCostShare = share
                default:
                    throw .invalid("values.\(key)", "it cannot change while running: set it in the file and restart")
                }
            }
        }
    }
}
