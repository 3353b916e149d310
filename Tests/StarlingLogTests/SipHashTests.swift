import StarlingSystem
import Testing

/// The published test vectors: key 00 to 0f, input 00, 01, 02 and so on.
@Suite struct SipHashTests {
    private static let key = Hash128(high: 0x0f0e_0d0c_0b0a_0908, low: 0x0706_0504_0302_0100)
    /// Of 8 to 15 bytes.
    private static let expected: [UInt64] = [
        0x93f5_f579_9a93_2462, 0x9e00_82df_0ba9_e4b0, 0x7a5d_bbc5_94dd_b9f3, 0xf4b3_2f46_226b_ada7,
        0x751e_8fbc_860e_e5fb, 0x14ea_5627_c084_3d90, 0xf723_ca90_8e7a_f2ee, 0xa129_ca61_49be_45e5,
    ]

    @Test(arguments: 0..<8)
    func hashIsThePublishedOne(rest: Int) {
        let bytes = (8..<8 + rest).map { UInt8($0) }
        let hash = bytes.withUnsafeBytes { SipHash.hash(0x0706_0504_0302_0100, $0, key: Self.key) }
        #expect(hash == Self.expected[rest])
    }

    @Test func everyBitOfKeyAndInputCounts() {
        var random = SeededRandom(seed: 1)
        for count in [0, 1, 7, 8, 9, 56, 128] {
            var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            func hash(_ first: UInt64 = 7, _ key: Hash128 = Self.key) -> UInt64 {
                bytes.withUnsafeBytes { SipHash.hash(first, $0, key: key) }
            }
            var seen: Set<UInt64> = [hash()]
            for bit in 0..<64 {
                seen.insert(hash(7 ^ 1 << UInt64(bit)))
                seen.insert(hash(7, Hash128(high: Self.key.high ^ 1 << UInt64(bit), low: Self.key.low)))
                seen.insert(hash(7, Hash128(high: Self.key.high, low: Self.key.low ^ 1 << UInt64(bit))))
            }
            for bit in 0..<count * 8 {
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                seen.insert(hash())
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            }
            #expect(seen.count == 1 + 64 * 3 + count * 8)
        }
    }
}
