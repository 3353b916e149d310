import StarlingSystem

/// Measures how long a piece of work for a snapshot keeps a worker from its reads.
///
/// Where the system takes the processor away in the middle of a piece, the time by the clock says how busy the machine is, not
/// what the piece costs: of such a piece the worker's own processor time counts. The time by the clock is kept beside it.
struct StallWatch {
    private let nanoseconds: UInt64
    private let threadNanoseconds: UInt64
    private let preemptions: UInt64

    init(_ time: any TimeSource) {
        preemptions = time.threadPreemptions()
        threadNanoseconds = time.threadNanoseconds()
        nanoseconds = time.monotonicNanoseconds()
    }

    /// Ends the piece and counts it.
    func stop(_ time: any TimeSource, _ stalls: inout Stalls) {
        let elapsed = time.monotonicNanoseconds() &- nanoseconds
        let used = time.threadNanoseconds() &- threadNanoseconds
        let wasPreempted = time.threadPreemptions() != preemptions
        stalls.byClock.record(elapsed, times: 1)
        stalls.held.record(wasPreempted ? min(used, elapsed) : elapsed, times: 1)
        if wasPreempted { stalls.preempted += 1 }
    }
}

/// The stalls of one worker since the start.
struct Stalls: Sendable {
    /// Without the time that the system gave to other threads.
    var held = DelayHistogram()
    /// By the clock.
    var byClock = DelayHistogram()
    /// Pieces in the middle of which the system took the processor away.
    var preempted: UInt64 = 0

    mutating func merge(_ other: Stalls) {
        held.merge(other.held)
        byClock.merge(other.byClock)
        preempted += other.preempted
    }
}
