/// An envelope that is sealed and waits in the output buffer for the next commit.
struct PendingEnvelope {
    let header: EnvelopeHeader
    /// Nil for a marker.
    let times: BatchTimes?

    /// Header and body, in bytes.
    var length: Int { Int(header.totalLength) }
}
