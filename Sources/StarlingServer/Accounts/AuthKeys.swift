import Crypto
import FoundationEssentials
import StarlingSchema
import StarlingSystem
import Synchronization

/// The secrets of accounts, in one file of the data directory that only its owner can read: the keys that sign access tokens, the
/// newest first, and one for refresh tokens and fingerprints.
///
/// A key that was replaced stays until no token that it signed can be good any more.
struct AuthKeys: Codable, Sendable {
    struct SigningKey: Codable, Sendable {
        /// As tokens name it.
        var kid: String
        /// 32 bytes.
        var seed: [UInt8]
        /// When another key took its place, in milliseconds since 1970; nil while it signs.
        var replacedAt: UInt64?

        static func generate() -> SigningKey {
            let key = Curve25519.Signing.PrivateKey()
            let kid = SHA256.hash(data: key.publicKey.rawRepresentation).prefix(8)
            return SigningKey(kid: Base64.urlSafe(kid), seed: Array(key.rawRepresentation))
        }
    }

    private(set) var signing: [SigningKey]
    /// 32 bytes.
    let secret: [UInt8]

    private static let keyBytes = 32
    /// Longer than any access token is good, with what clocks may differ.
    private static let overlapMilliseconds: UInt64 = 3_600_000
    static let fileName = "auth.keys"

    static func generate() -> AuthKeys {
        var random = SystemRandomNumberGenerator()
        return AuthKeys(
            signing: [.generate()], secret: (0..<keyBytes).map { _ in UInt8.random(in: 0...255, using: &random) })
    }

    /// Puts a new key first, and drops those that were replaced long ago.
    mutating func rotate(now: UInt64) {
        signing.removeAll { $0.replacedAt.map { now > $0 && now - $0 > Self.overlapMilliseconds } ?? false }
        for place in signing.indices where signing[place].replacedAt == nil { signing[place].replacedAt = now }
        signing.insert(.generate(), at: 0)
    }

    /// What is wrong with keys that were read, or nil.
    fileprivate var problem: String? {
        if secret.count != Self.keyBytes { return "the secret has \(secret.count) bytes, not \(Self.keyBytes)" }
        if signing.isEmpty { return "there is no key that signs" }
        if Set(signing.map(\.kid)).count != signing.count { return "two keys have one id" }
        for key in signing where key.seed.count != Self.keyBytes || Set(key.seed).count == 1 {
            return "key \(key.kid) is no key of \(Self.keyBytes) random bytes"
        }
        return nil
    }
}

/// The file with the keys.
struct AuthKeyFile: Sendable {
    let directory: String
    let disk: any Disk

    private static let maximumBytes: UInt64 = 1 << 20
    private var path: String { "\(directory)/\(AuthKeys.fileName)" }

    /// The keys; new ones at the first start. A file that cannot be used is a refusal: replacing it would log everybody out.
    func load() throws -> AuthKeys {
        guard disk.exists(path) else {
            let keys = AuthKeys.generate()
            try store(keys)
            return keys
        }
        let file = try disk.open(path, .read)
        defer { file.close() }
        let size = try file.size()
        guard size <= Self.maximumBytes else { throw unusable("it has \(size) bytes") }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        do {
            let keys = try JSONDecoder().decode(AuthKeys.self, from: Data(bytes.prefix(count)))
            if let problem = keys.problem { throw unusable(problem) }
            return keys
        } catch is DecodingError {
            throw unusable("it is no file of keys")
        }
    }

    /// Whole or not at all: written beside its name, synced, renamed.
    func store(_ keys: AuthKeys) throws {
        let draft = path + ".tmp"
        if disk.exists(draft) { try disk.remove(draft) }
        let file = try disk.open(draft, .createPrivate)
        defer { file.close() }
        let bytes = Array(try JSONEncoder().encode(keys))
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        try file.sync()
        try disk.rename(draft, to: path)
        try disk.syncDirectory(directory)
    }

    private func unusable(_ reason: String) -> ConfigurationError {
        ConfigurationError(
            key: path, reason: "\(reason); restore it from a backup, or remove it: then everybody has to log in again")
    }
}
