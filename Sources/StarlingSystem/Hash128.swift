/// A 128-bit hash value. Adding two is addition modulo 2^128, so a sum of hashes does not depend on order.
@frozen
public struct Hash128: Hashable, Sendable, CustomStringConvertible {
    /// The upper 64 bits.
    public var high: UInt64
    /// The lower 64 bits.
    public var low: UInt64

    /// Creates a hash from its halves.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The sum of nothing.
    public static let zero = Hash128(high: 0, low: 0)

    /// Adds modulo 2^128.
    @inlinable
    public static func &+ (left: Hash128, right: Hash128) -> Hash128 {
        let (low, carry) = left.low.addingReportingOverflow(right.low)
        return Hash128(high: left.high &+ right.high &+ (carry ? 1 : 0), low: low)
    }

    /// Adds in place modulo 2^128.
    @inlinable
    public static func &+= (left: inout Hash128, right: Hash128) { left = left &+ right }

    /// 32 lowercase hexadecimal digits.
    public var description: String {
        func digits(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits(high) + digits(low)
    }
}

/// MurmurHash3, x64, 128 bits (Austin Appleby, public domain; `smhasher/src/MurmurHash3.cpp`). The same on every machine
/// and in every run, unlike Swift's `Hasher`. Not a defence against chosen collisions: never key a table with it by
/// bytes that a stranger picks.
public enum Murmur3 {
    @inlinable
    static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { (value &<< bits) | (value &>> (64 &- bits)) }

    /// The finaliser: each input bit reaches each output bit.
    @inlinable
    public static func mix(_ input: UInt64) -> UInt64 {
        var value = input
        value ^= value &>> 33
        value &*= 0xff51_afd7_ed55_8ccd
        value ^= value &>> 33
        value &*= 0xc4ce_b9fe_1a85_ec53
        value ^= value &>> 33
        return value
    }

    /// Hash of two words, for entries of fixed size: about 2 ns.
    @inlinable
    public static func hash(_ first: UInt64, _ second: UInt64, seed: UInt64 = 0) -> Hash128 {
        let one = mix(first ^ seed &+ 0x9e37_79b9_7f4a_7c15)
        let two = mix(second ^ rotate(one, 29) &+ 0xd1b5_4a32_d192_ed03)
        return Hash128(high: mix(one &+ two), low: mix(two ^ rotate(one, 17)) &+ one)
    }

    /// Hash of bytes, by the published algorithm with a 128-bit seed (`seed` in both halves there).
    public static func hash(_ bytes: UnsafeRawBufferPointer, seed: Hash128 = .zero) -> Hash128 {
        let c1: UInt64 = 0x87c3_7b91_1142_53d5
        let c2: UInt64 = 0x4cf5_ad43_2745_937f
        var h1 = seed.high
        var h2 = seed.low
        var offset = 0
        while offset &+ 16 <= bytes.count {
            var k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            var k2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self))
            k1 = rotate(k1 &* c1, 31) &* c2
            h1 = (rotate(h1 ^ k1, 27) &+ h2) &* 5 &+ 0x52dc_e729
            k2 = rotate(k2 &* c2, 33) &* c1
            h2 = (rotate(h2 ^ k2, 31) &+ h1) &* 5 &+ 0x3849_5ab5
            offset &+= 16
        }
        var k1: UInt64 = 0
        var k2: UInt64 = 0
        var index = bytes.count &- 1
        while index >= offset {
            let place = index &- offset
            let byte = UInt64(bytes[index])
            if place >= 8 { k2 |= byte &<< UInt64((place &- 8) &* 8) } else { k1 |= byte &<< UInt64(place &* 8) }
            index &-= 1
        }
        if bytes.count &- offset > 8 { h2 ^= rotate(k2 &* c2, 33) &* c1 }
        if bytes.count > offset { h1 ^= rotate(k1 &* c1, 31) &* c2 }
        h1 ^= UInt64(bytes.count)
        h2 ^= UInt64(bytes.count)
        h1 &+= h2
        h2 &+= h1
        h1 = mix(h1)
        h2 = mix(h2)
        h1 &+= h2
        h2 &+= h1
        return Hash128(high: h1, low: h2)
    }
}
