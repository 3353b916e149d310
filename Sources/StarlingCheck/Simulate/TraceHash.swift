import StarlingSystem

/// A running hash of everything that a run has seen, to tell whether two runs of one seed were the same.
struct TraceHash {
    private(set) var value: UInt64 = 0

    mutating func add(_ number: UInt64) { value = Murmur3.mix(value &* 31 &+ number &+ 1) }

    mutating func add(_ text: String) {
        for byte in text.utf8 { value = value &* 0x0000_0100_0000_01b3 ^ UInt64(byte) }
        value = Murmur3.mix(value)
    }
}
