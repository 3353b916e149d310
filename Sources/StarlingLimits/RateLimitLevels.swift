import StarlingSystem

/// What buckets held at a moment, as it is kept over a restart.
public struct RateLimitLevels: Sendable {
    /// One rule's buckets.
    public struct Rule: Sendable {
        /// The rule's name.
        public var name: String
        /// What it counts by.
        public var key: Set<RateLimitRule.KeyPart>
        /// The rate in whose units the levels are.
        public var rate: TokenRate
        /// Hashed keys and their levels; only buckets that are not full.
        public var buckets: [(key: UInt64, level: UInt64)]
        /// The level of the bucket that all other keys share.
        public var overflow: UInt64
    }

    /// What the keys are hashed with.
    public var secret: Hash128
    /// When it was, by the wall clock.
    public var wallMilliseconds: UInt64
    /// All rules.
    public var rules: [Rule]
}

/// The levels as bytes: a magic number with the version, the secret, the time, the rules, and CRC-32C of all that. Little endian.
extension RateLimitLevels {
    private static let magic: UInt64 = 0x0001_544d_494c_5453
    private static let mostRules = 1_024

    /// The bytes.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(little: Self.magic)
        bytes.append(little: secret.high)
        bytes.append(little: secret.low)
        bytes.append(little: wallMilliseconds)
        bytes.append(little: UInt64(rules.count))
        for rule in rules {
            bytes.append(little: UInt64(rule.name.utf8.count))
            bytes += Array(rule.name.utf8)
            bytes.append(little: Self.mask(rule.key))
            for number in [rule.rate.tokens, rule.rate.period, rule.rate.burst, rule.overflow] {
                bytes.append(little: number)
            }
            bytes.append(little: UInt64(rule.buckets.count))
            for (key, level) in rule.buckets {
                bytes.append(little: key)
                bytes.append(little: level)
            }
        }
        bytes.append(little: UInt64(bytes.withUnsafeBytes { CRC32C.checksum($0) }))
        return bytes
    }

    /// From bytes; nil when they are damaged or of another version.
    public init?(encoded bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        var reader = LevelReader(bytes: bytes, end: bytes.count - 8)
        let checksum = bytes[reader.end...].withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard checksum == UInt64(bytes[..<reader.end].withUnsafeBytes { CRC32C.checksum($0) }),
            reader.number() == Self.magic, let high = reader.number(), let low = reader.number(),
            let wall = reader.number(), let count = reader.number(), count <= Self.mostRules
        else { return nil }
        var rules: [Rule] = []
        for _ in 0..<count {
            guard let rule = reader.rule() else { return nil }
            rules.append(rule)
        }
        guard reader.isAtEnd else { return nil }
        self.init(secret: Hash128(high: high, low: low), wallMilliseconds: wall, rules: rules)
    }

    fileprivate static func mask(_ key: Set<RateLimitRule.KeyPart>) -> UInt64 {
        var mask: UInt64 = 0
        for (bit, part) in RateLimitRule.KeyPart.allCases.enumerated() where key.contains(part) { mask |= 1 << bit }
        return mask
    }
}

/// Reads the numbers of encoded levels, never beyond their end.
private struct LevelReader {
    let bytes: [UInt8]
    let end: Int
    private var place = 0

    init(bytes: [UInt8], end: Int) {
        self.bytes = bytes
        self.end = end
    }

    var isAtEnd: Bool { place == end }

    mutating func number() -> UInt64? {
        guard end - place >= 8 else { return nil }
        defer { place += 8 }
        return bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        }
    }

    mutating func rule() -> RateLimitLevels.Rule? {
        guard let length = number(), length <= 64, end - place >= Int(length) else { return nil }
        let name = String(decoding: bytes[place..<place + Int(length)], as: UTF8.self)
        place += Int(length)
        guard let mask = number(), let tokens = number(), let period = number(), let burst = number(),
            let overflow = number(), let rate = TokenRate(tokens: tokens, period: period, burst: burst),
            let count = number(), count <= UInt64((end - place) / 16)
        else { return nil }
        let key = RateLimitRule.KeyPart.allCases.filter { RateLimitLevels.mask([$0]) & mask != 0 }
        var rule = RateLimitLevels.Rule(name: name, key: Set(key), rate: rate, buckets: [], overflow: overflow)
        rule.buckets.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let key = number(), let level = number() else { return nil }
            rule.buckets.append((key, level))
        }
        return rule
    }
}

extension [UInt8] {
    fileprivate mutating func append(little number: UInt64) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
