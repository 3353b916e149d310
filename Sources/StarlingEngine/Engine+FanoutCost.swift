/// The rule by cost: an author is also pulled when pushing it takes more than a share of what the workers can write.
extension Engine {
    /// The share of the fan-out capacity that pushing one author may take, 0 to 1; 0 turns the rule off. A change takes effect
    /// with an author's next post or follower that comes an hour or more after its last switch, and counts until the engine is
    /// closed. What is out of range is taken for the nearest value. Any thread; costs next to nothing.
    public var celebrityCostShare: Double {
        get { fanoutCapacity.share }
        set { fanoutCapacity.share = newValue }
    }

    /// Deliveries a second that all workers together make while they have work, or
    /// `EngineConfiguration.deliveriesPerSecond`; nil until enough was delivered to tell. Any thread.
    public var deliveriesPerSecond: UInt64? { fanoutCapacity.perSecond }

    /// Followers times posts a day above which an author is pulled; nil while the rule is off or has nothing to go by. Any
    /// thread.
    public var deliveriesPerDayLimit: UInt64? {
        guard case .perDay(let limit) = fanoutCapacity.limit else { return nil }
        return limit
    }
}
