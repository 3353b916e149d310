import StarlingEngine
import StarlingSchema
import SwiftProtobuf
import Synchronization

/// The settings in force, and how those that can change while running do so.
final class RuntimeSettings: Sendable {
    /// Whether the actor comes from a checked token. Without that the client names it.
    let isAuthenticated: Bool
    /// Whether the TCP listener serves the operations of the admin listener too: only where nobody else can reach it.
    let offersAdminOverTCP: Bool
    private let state: Mutex<State>
    private let engine: Engine
    /// By key, what makes a new value count.
    private let effects: [String: Effect]

    /// What makes the value in a configuration count. Must be short and cannot fail.
    typealias Effect = @Sendable (DaemonConfiguration) -> Void

    private struct State {
        var inForce: DaemonConfiguration
        /// As file and command line said last.
        var loaded: [String: String]
        var threshold: Int
    }

    static let celebrityThresholdKey = "fanout.celebrityThreshold"
    static let awayAfterKey = "fanout.awayAfterSeconds"
    static let celebrityCostShareKey = "fanout.celebrityCostShare"

    /// - Parameters:
    ///   - configuration: all settings as they were loaded.
    ///   - effects: what makes those of other parts than the engine count.
    init(
        _ configuration: DaemonConfiguration, engine: Engine, isAuthenticated: Bool, offersAdminOverTCP: Bool,
        effects: [String: Effect]
    ) {
        self.engine = engine
        self.isAuthenticated = isAuthenticated
        self.offersAdminOverTCP = offersAdminOverTCP
        state = Mutex(
            State(
                inForce: configuration, loaded: configuration.values, threshold: engine.recovery.celebrityThreshold))
        var engineEffects: [String: Effect] = [
            // Set by `setThreshold`, which can fail.
            Self.celebrityThresholdKey: { _ in },
            Self.awayAfterKey: { engine.awayAfterSeconds = $0.engine.awayAfterSeconds },
            Self.celebrityCostShareKey: { engine.celebrityCostShare = $0.engine.celebrityCostShare },
            // Asked for with each request.
            DaemonConfiguration.moderatorsKey: { _ in },
        ]
        for setting in DaemonConfiguration.rankingSettings {
            engineEffects[setting.key] = { engine.ranking = $0.engine.ranking }
        }
        self.effects = effects.merging(engineEffects) { first, _ in first }
    }

    /// Followers from which on an author is pulled.
    var celebrityThreshold: Int { state.withLock { $0.threshold } }

    /// Whether a user may judge posts, where it is known who acts.
    func isModerator(_ user: UserID) -> Bool { state.withLock { $0.inForce.moderators.contains(user) } }

    /// All settings by key.
    var values: [String: String] {
        state.withLock { state in
            var values = state.inForce.values
            values[Self.celebrityThresholdKey] = String(state.threshold)
            return values
        }
    }

    /// What a share may be, for people.
    static let shareRange = "it must be a decimal number from 0 to 1"

    /// A share, 0 to 1, or nil.
    static func share(_ text: String) -> Double? {
        decimal(text).flatMap { (0...1).contains($0) ? $0 : nil }
    }

    /// A decimal number, or nil.
    static func decimal(_ text: String) -> Double? {
        // Else "nan" and hexadecimal numbers were some.
        text.utf8.allSatisfy { (48...57).contains($0) || "+-.eE".utf8.contains($0) } ? Double(text) : nil
    }

    /// New values that were checked: all of them can be set, or none is.
    struct Change: Sendable {
        fileprivate var values: [String: String]
        /// The threshold is a record of the log: setting it can fail, and comes first.
        var celebrityThreshold: Int?

        /// The keys, in order.
        var keys: [String] { values.keys.sorted() }
    }

    /// Checks new values. The problem names each that cannot be, and says which need a restart.
    func check(_ values: [String: String]) throws(Problem) -> Change {
        var candidate = state.withLock { $0.inForce }
        let known = candidate.values
        var errors: [(key: String, reason: String)] = []
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            do throws(ConfigurationError) {
                guard known[key] != nil else { throw ConfigurationError(key: key, reason: "there is no such setting") }
                try candidate.set(key, value)
                guard effects[key] != nil else {
                    throw ConfigurationError(
                        key: key, reason: "it needs a restart: it cannot change while running, set it in the file")
                }
            } catch {
                errors.append((key, error.reason))
            }
        }
        guard errors.isEmpty else { throw .invalidSettings(errors) }
        return change(values, candidate)
    }

    private func change(_ values: [String: String], _ configuration: DaemonConfiguration) -> Change {
        let hasThreshold = values[Self.celebrityThresholdKey] != nil
        return Change(
            values: values, celebrityThreshold: hasThreshold ? configuration.engine.celebrityThreshold : nil)
    }

    /// Makes a change count; the celebrity threshold was set before.
    func commit(_ change: Change) {
        state.withLock { state in
            for (key, value) in change.values {
                do throws(ConfigurationError) { try state.inForce.set(key, value) } catch {
                    preconditionFailure("the value was checked: \(error)")
                }
            }
            if let threshold = change.celebrityThreshold { state.threshold = threshold }
            for key in change.keys { effects[key]?(state.inForce) }
        }
    }

    /// What file and command line say now that they did not say before: what can change, and the keys that need a restart.
    /// What was changed while running stays where they say the same as before.
    func difference(to configuration: DaemonConfiguration) -> (change: Change, needRestart: [String]) {
        let new = configuration.values
        let (old, inForce) = state.withLock { state in
            defer { state.loaded = new }
            return (state.loaded, state.inForce.values)
        }
        let values = new.filter { effects[$0.key] != nil && old[$0.key] != $0.value }
        let needRestart = new.filter { effects[$0.key] == nil && inForce[$0.key] != $0.value }
        return (change(values, configuration), needRestart.keys.sorted())
    }
}

extension Problem {
    /// Settings that cannot be as they were asked for.
    fileprivate static func invalidSettings(_ errors: [(key: String, reason: String)]) -> Problem {
        var problem = Problem.invalid("", errors.map { "values.\($0.key): \($0.reason)" }.joined(separator: "; "))
        problem.message.errors = errors.map { error in
            .with {
                $0.field = "values.\(error.key)"
                $0.message = error.reason
            }
        }
        return problem
    }
}
