import StarlingSystem

@testable import StarlingLog

/// Makes checksums and lengths right, so that changed bytes are not refused before they are read.
enum BatchSealing {
    /// Makes length and checksum of a Kafka batch right, and the checksum in the header of an LZ4 frame.
    static func seal(_ batch: UnsafeMutableRawBufferPointer) {
        guard batch.count >= KafkaBatchHeader.size else { return }
        batch.store(UInt32(batch.count - KafkaBatchHeader.uncountedBytes).bigEndian, at: 8)
        if batch.load(21, UInt16.self).bigEndian == UInt16(KafkaBatchHeader.codecLZ4) {
            sealFrame(batch.part(KafkaBatchHeader.size..<batch.count))
        }
        let start = KafkaBatchHeader.checksumStart
        batch.store(batch.checksum(start..<batch.count).bigEndian, at: start - 4)
    }

    /// Makes the checksum of an LZ4 frame's header right.
    static func sealFrame(_ frame: UnsafeMutableRawBufferPointer) {
        guard frame.count > 5 else { return }
        let flags = frame[4]
        let length = 2 + (flags & 0x08 != 0 ? 8 : 0) + (flags & 0x01 != 0 ? 4 : 0)
        guard frame.count > 4 + length else { return }
        let descriptor = frame[4..<(4 + length)].map { UInt32($0) }
        frame[4 + length] = UInt8(truncatingIfNeeded: shortXXH32(descriptor) >> 8)
    }

    /// XXH32 with seed 0 of fewer than 16 bytes (Yann Collet, `xxHash` specification).
    private static func shortXXH32(_ bytes: [UInt32]) -> UInt32 {
        func rotate(_ value: UInt32, _ bits: UInt32) -> UInt32 { (value &<< bits) | (value &>> (32 &- bits)) }
        let primes: [UInt32] = [0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F, 0x1656_67B1]
        var hash = primes[4] &+ UInt32(bytes.count)
        var index = 0
        while index + 4 <= bytes.count {
            let lane = bytes[index] | bytes[index + 1] << 8 | bytes[index + 2] << 16 | bytes[index + 3] << 24
            hash = rotate(hash &+ (lane &* primes[2]), 17) &* primes[3]
            index += 4
        }
        while index < bytes.count {
            hash = rotate(hash &+ (bytes[index] &* primes[4]), 11) &* primes[0]
            index += 1
        }
        hash = (hash ^ (hash &>> 15)) &* primes[1]
        hash = (hash ^ (hash &>> 13)) &* primes[2]
        return hash ^ (hash &>> 16)
    }
}
