import UnixSignals

/// SIGTERM and SIGINT as an order to stop: the first one lets `wait` return, the second ends the process at once.
struct TerminationSignals: Sendable {
    private let signals: UnixSignalsSequence

    /// From here on the signals no longer end the process by themselves.
    init() async { signals = await UnixSignalsSequence(trapping: .sigterm, .sigint) }

    /// Returns at the first signal, and then watches for the second.
    func wait() async {
        var iterator = signals.makeAsyncIterator()
        _ = await iterator.next()
        Task { [iterator] in
            var iterator = iterator
            guard let second = await iterator.next() else { return }
            // At once, as if killed: the log needs no clean end.
            StandardError.print("starling: second signal, ending at once")
            StandardError.exit(code: second == .sigint ? 130 : 143)
        }
    }
}
