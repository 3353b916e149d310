import StarlingSystem

/// Texts of 128 bytes of ASCII whose Murmur3 is the same whatever the seed (Aumasson and Bernstein, "Hash-flooding DoS
/// reloaded", 2012): a difference in one bit behind the multiplications reaches only the highest bit of the state, and the
/// next block takes it away again.
enum MurmurCollision {
    private static let c1: UInt64 = 0x87c3_7b91_1142_53d5
    private static let c2: UInt64 = 0x4cf5_ad43_2745_937f

    /// 16 texts: two choices for each of four pairs of blocks.
    static func texts(_ random: inout SeededRandom) -> [String] {
        var texts: [[UInt8]] = [[]]
        for _ in 0..<4 {
            let words = [
                pair(difference: 1 << 36, rotation: 31, c1, c2, &random),
                pair(difference: 1 << 32, rotation: 33, c2, c1, &random),
                pair(difference: 1 << 63, rotation: 31, c1, c2, &random),
            ]
            let choices = [words.flatMap { $0.0 }, words.flatMap { $0.1 }]
            texts = texts.flatMap { text in choices.map { text + $0 + Array("whatever".utf8) } }
        }
        return texts.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Two words of ASCII that differ by `difference` when Murmur3 has multiplied, rotated and multiplied them.
    private static func pair(
        difference: UInt64, rotation: UInt64, _ before: UInt64, _ after: UInt64, _ random: inout SeededRandom
    ) -> ([UInt8], [UInt8]) {
        while true {
            let mixed = random.next()
            let words = [mixed, mixed ^ difference].map { word in
                let rotated = word &* inverse(after)
                return ((rotated &>> rotation) | (rotated &<< (64 - rotation))) &* inverse(before)
            }
            guard (words[0] | words[1]) & 0x8080_8080_8080_8080 == 0 else { continue }
            return (bytes(words[0]), bytes(words[1]))
        }
    }

    private static func bytes(_ word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }

    /// The inverse of an odd number modulo 2^64, by Newton's iteration.
    private static func inverse(_ odd: UInt64) -> UInt64 {
        var result = odd
        for _ in 0..<5 { result = result &* (2 &- odd &* result) }
        return result
    }
}
