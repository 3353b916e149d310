/// Which partition a key belongs to: just as Kafka's default partitioner says, so that keys land where Kafka clients expect.
public enum Partitioner {
    /// The partition of a key.
    public static func partition(of key: [UInt8], partitions: Int) -> Int {
        Int(murmur2(key) & 0x7fff_ffff) % partitions
    }

    /// Murmur2 with Kafka's seed, `org.apache.kafka.common.utils.Utils.murmur2`.
    static func murmur2(_ bytes: [UInt8]) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        bytes.withUnsafeBytes { bytes in
            let whole = bytes.count & ~3
            for offset in stride(from: 0, to: whole, by: 4) {
                var word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                word &*= multiplier
                word ^= word >> 24
                word &*= multiplier
                hash = hash &* multiplier ^ word
            }
            guard whole < bytes.count else { return }
            for offset in (whole..<bytes.count).reversed() {
                hash ^= UInt32(bytes[offset]) << UInt32(8 * (offset - whole))
            }
            hash &*= multiplier
        }
        hash ^= hash >> 13
        hash &*= multiplier
        return hash ^ hash >> 15
    }
}
