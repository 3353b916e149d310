import Crypto
import StarlingEngine
import StarlingSchema

/// A refresh token: which session, the how manieth, 256 random bits, and a seal that shows that this server made it.
///
/// Whether it is good, only the engine knows, which keeps its hash. The seal tells an old token, whose second use ends the session,
/// from bytes that somebody made up about a session of somebody else.
struct RefreshToken: Sendable, Equatable {
    let session: UInt64
    let generation: UInt32
    private let secret: [UInt8]

    private static let secretBytes = 32
    private static let sealBytes = 16
    private static let plainBytes = 8 + 4 + secretBytes

    /// Random bytes for a token whose session is not known yet.
    static func randomSecret() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<secretBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    init(session: UInt64, generation: UInt32, secret: [UInt8] = randomSecret()) {
        self.session = session
        self.generation = generation
        self.secret = secret
    }

    /// From its text; nil when this server did not make it.
    init?(_ text: String, key: SymmetricKey) {
        guard let bytes = Base64.decode(text.utf8), bytes.count == Self.plainBytes + Self.sealBytes,
            Base64.urlSafe(bytes) == text
        else { return nil }
        let plain = bytes.prefix(Self.plainBytes)
        let isOurs = zip(Self.seal(plain, key), bytes.suffix(Self.sealBytes)).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
        guard isOurs else { return nil }
        session = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        generation = bytes[8..<12].reduce(0) { $0 << 8 | UInt32($1) }
        secret = Array(bytes[12..<Self.plainBytes])
    }

    private var plain: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: session >> UInt64(56 - 8 * $0)) }
            + (0..<4).map { UInt8(truncatingIfNeeded: generation >> UInt32(24 - 8 * $0)) } + secret
    }

    private static func seal(_ plain: some Sequence<UInt8>, _ key: SymmetricKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array("refresh".utf8) + plain, using: key).prefix(sealBytes))
    }

    func text(key: SymmetricKey) -> String { Base64.urlSafe(plain + Self.seal(plain, key)) }

    /// All that the engine gets to know of it.
    var hash: RefreshHash {
        guard let hash = RefreshHash(Array(SHA256.hash(data: plain))) else {
            preconditionFailure("SHA-256 has 32 bytes")
        }
        return hash
    }
}
