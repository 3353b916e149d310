/// SipHash-2-4 (Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast short-input PRF", 2012): a hash with a secret
/// key, for tables keyed by bytes that a stranger picks. Who does not know the key cannot choose bytes that collide, which a
/// seed does not achieve for Murmur3. The same on every machine and in every run.
public enum SipHash {
    /// The hash of the 8 bytes of `first`, little endian, and of `rest` behind them. About 1 ns a byte.
    public static func hash(_ first: UInt64, _ rest: UnsafeRawBufferPointer, key: Hash128) -> UInt64 {
        var state = State(key)
        state.add(first)
        var offset = 0
        while offset &+ 8 <= rest.count {
            state.add(UInt64(littleEndian: rest.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset &+= 8
        }
        var last = UInt64(truncatingIfNeeded: rest.count &+ 8) &<< 56
        for place in offset..<rest.count { last |= UInt64(rest[place]) &<< UInt64((place &- offset) &* 8) }
        state.add(last)
        return state.finish()
    }

    private struct State {
        private var v0: UInt64
        private var v1: UInt64
        private var v2: UInt64
        private var v3: UInt64

        /// The first half of the published key is the low one.
        init(_ key: Hash128) {
            v0 = key.low ^ 0x736f_6d65_7073_6575
            v1 = key.high ^ 0x646f_7261_6e64_6f6d
            v2 = key.low ^ 0x6c79_6765_6e65_7261
            v3 = key.high ^ 0x7465_6462_7974_6573
        }

        @inline(__always)
        mutating func add(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xff
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        @inline(__always)
        private mutating func round() {
            v0 &+= v1
            v1 = Murmur3.rotate(v1, 13) ^ v0
            v0 = Murmur3.rotate(v0, 32)
            v2 &+= v3
            v3 = Murmur3.rotate(v3, 16) ^ v2
            v0 &+= v3
            v3 = Murmur3.rotate(v3, 21) ^ v0
            v2 &+= v1
            v1 = Murmur3.rotate(v1, 17) ^ v2
            v2 = Murmur3.rotate(v2, 32)
        }
    }
}
