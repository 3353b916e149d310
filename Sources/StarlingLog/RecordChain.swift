import StarlingSystem

/// The hash that ties records together.
///
/// It covers a body only through the body's own hash, so that a body can be erased later, its hash left in its place,
/// and every chain value still verifies. It detects damage, reordering and mixed-up files. It is no defence against
/// somebody who can write to the disk: Murmur3 is not a cryptographic hash.
public enum RecordChain {
    /// Hash of the erasable part; zero when there is none. An empty body hashes like none.
    public static func bodyHash(_ body: UnsafeRawBufferPointer?) -> Hash128 {
        guard let body else { return .zero }
        return Murmur3.hash(body)
    }

    /// Hash of a record: of the key's eight bytes, highest first, and the value, with the body's hash as the seed.
    public static func recordHash(key: UInt64, value: UnsafeRawBufferPointer, bodyHash: Hash128) -> Hash128 {
        withUnsafeTemporaryAllocation(byteCount: value.count + 8, alignment: 8) { buffer in
            buffer.storeBytes(of: key.bigEndian, as: UInt64.self)
            UnsafeMutableRawBufferPointer(rebasing: buffer[8...]).copyMemory(from: value)
            return Murmur3.hash(UnsafeRawBufferPointer(buffer), seed: bodyHash)
        }
    }

    /// The chain after one more record. A log's chain starts as its id.
    public static func advance(_ chain: UInt64, by record: Hash128) -> UInt64 {
        let rotated = (record.low &<< 32) | (record.low &>> 32)
        return Murmur3.hash(chain, record.high ^ rotated).high
    }
}
