/// An envelope that is sealed and waits in the output buffer for the next commit.
struct PendingEnvelope {
    let segmentBase: UInt64
    let baseLSN: UInt64
    let recordCount: UInt32
    /// Header and body, in bytes.
    let length: Int
}
