import Synchronization

/// How many connections there may be, and how fast they may come.
public struct ConnectionLimits: Sendable, Equatable {
    /// Open connections from one address (of IPv6, one /64 network).
    public var perAddress: Int
    /// New connections in a second, from everywhere; as many may come at once. 0 for no limit.
    public var perSecond: UInt64

    /// Limits.
    public init(perAddress: Int, perSecond: UInt64) {
        self.perAddress = perAddress
        self.perSecond = perSecond
    }
}

/// Decides which connections stay. One for all doors. Any thread may call.
///
/// It holds an entry for each address with an open connection, so it is as bounded as the connections are.
public final class ConnectionAdmission: Sendable {
    /// What becomes of a new connection.
    public enum Decision: Sendable, Equatable {
        case admitted
        /// There are too many from its address.
        case tooManyFromAddress
        /// They come too fast.
        case tooFast
    }

    private struct State: Sendable {
        var limits: ConnectionLimits
        var open: [IPAddress: Int] = [:]
        /// As in a bucket of `limits.perSecond`.
        var level: UInt64
        var at: UInt64
    }

    private let state: Mutex<State>

    /// Nobody is connected yet.
    public init(limits: ConnectionLimits, now: UInt64) {
        state = Mutex(State(limits: limits, level: Self.rate(limits)?.capacity ?? 0, at: now))
    }

    private static func rate(_ limits: ConnectionLimits) -> TokenRate? {
        TokenRate(tokens: limits.perSecond, period: 1_000_000_000, burst: limits.perSecond)
    }

    /// Connections from `address` that are open.
    public func openConnections(of address: IPAddress) -> Int {
        state.withLock { $0.open[address.subscriber] ?? 0 }
    }

    /// New limits. Connections that are open stay.
    public func setLimits(_ limits: ConnectionLimits) {
        state.withLock { state in
            if limits.perSecond != state.limits.perSecond { state.level = Self.rate(limits)?.capacity ?? 0 }
            state.limits = limits
        }
    }

    /// A connection from `address` has come. One that is admitted is counted until `release`.
    ///
    /// - Parameter now: on the monotonic clock, in nanoseconds.
    public func admit(_ address: IPAddress, now: UInt64) -> Decision {
        state.withLock { state in
            let subscriber = address.subscriber
            let open = state.open[subscriber] ?? 0
            guard open < state.limits.perAddress else { return .tooManyFromAddress }
            if let rate = Self.rate(state.limits) {
                let level = rate.refilled(state.level, after: now > state.at ? now - state.at : 0)
                guard level >= rate.period else { return .tooFast }
                state.level = level - rate.period
                state.at = max(state.at, now)
            }
            state.open[subscriber] = open + 1
            return .admitted
        }
    }

    /// A connection that was admitted has ended.
    public func release(_ address: IPAddress) {
        state.withLock { state in
            guard let open = state.open[address.subscriber] else { return }
            state.open[address.subscriber] = open > 1 ? open - 1 : nil
        }
    }
}
