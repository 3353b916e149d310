import Crypto
import FoundationEssentials
import JWTKit
import StarlingEngine
import StarlingSchema
import SwiftProtobuf
import Synchronization

/// What an access token says.
struct AccessClaims: JWTPayload, Equatable {
    var iss: String
    var aud: String
    var sub: String
    var sid: String
    var jti: String
    /// Seconds since 1970.
    var iat: Int
    var exp: Int

    /// Checked by `AccessTokens`, which has the clock.
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// Who acts, as a token has proved.
struct Identity: Sendable, Equatable {
    var user: UserID
    var session: UInt64
    /// When the token expires, in seconds since 1970.
    var expiresAt: Int
}

/// Signs and checks access tokens: JSON Web Tokens (RFC 7519, RFC 9068) with Ed25519.
///
/// A token is good only if it is, byte for byte, what this server writes: one of the known headers, claims in the one order and
/// spelling, base64url in its one form. So nothing of what a header can ask for is ever looked at (RFC 8725): no other algorithm, no
/// `crit`, no key or address of a key, no claim twice.
final class AccessTokens: Sendable {
    private struct Keys {
        var collection = JWTKeyCollection()
        /// By the whole header in base64url, so that only headers written here are known.
        var kidsByHeader: [String: String] = [:]
        var signingKid = ""
        var published: [Starling_V1_JSONWebKey] = []
    }

    /// How long a token is good, in seconds.
    static let lifetime = 600
    /// How far clocks may differ, in seconds.
    static let skew = 60
    static let maximumBytes = 4_096
    private static let signatureBytes = 64
    static let issuer = "starling"
    static let audience = "starling"

    private let keys: Mutex<Keys>
    /// Tokens that were found good, so that a client's next request costs no signature. Emptied when it is full.
    private let known = Mutex<[String: Identity]>([:])
    private static let maximumKnown = 4_096

    init(_ keys: AuthKeys) async throws { self.keys = Mutex(try await Self.makeKeys(keys)) }

    /// Signs with the first of these keys from now on, and accepts all of them.
    func use(_ new: AuthKeys) async throws {
        let made = try await Self.makeKeys(new)
        keys.withLock { $0 = made }
        known.withLock { $0 = [:] }
    }

    private static func makeKeys(_ secrets: AuthKeys) async throws -> Keys {
        var keys = Keys()
        keys.signingKid = secrets.signing[0].kid
        for key in secrets.signing {
            let backing = try Curve25519.Signing.PrivateKey(rawRepresentation: Data(key.seed))
            await keys.collection.add(
                eddsa: EdDSA.PrivateKey(backing: backing), kid: JWKIdentifier(string: key.kid),
                serializer: DefaultJWTSerializer(jsonEncoder: encoder))
            let header = try encoder.encode(Self.header(kid: key.kid))
            keys.kidsByHeader[Base64.urlSafe(header)] = key.kid
            keys.published.append(
                .with {
                    $0.kty = "OKP"
                    $0.crv = "Ed25519"
                    $0.x = Base64.urlSafe(backing.publicKey.rawRepresentation)
                    $0.kid = key.kid
                    $0.alg = "EdDSA"
                    $0.use = "sig"
                })
        }
        return keys
    }

    private static func header(kid: String) -> JWTHeader {
        ["alg": .string("EdDSA"), "kid": .string(kid), "typ": .string("at+jwt")]
    }

    /// One spelling for each set of claims.
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    /// The public keys, for everybody.
    var published: [Starling_V1_JSONWebKey] { keys.withLock { $0.published } }

    /// A token for a session, good from `now` (seconds since 1970) on.
    func sign(user: UserID, session: UInt64, now: Int) async throws -> String {
        let (collection, kid) = keys.withLock { ($0.collection, $0.signingKid) }
        var random = SystemRandomNumberGenerator()
        let claims = AccessClaims(
            iss: Self.issuer, aud: Self.audience, sub: "\(user)", sid: String(session, radix: 16),
            jti: Base64.urlSafe((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }), iat: now,
            exp: now + Self.lifetime)
        return try await collection.sign(claims, kid: JWKIdentifier(string: kid), header: Self.header(kid: kid))
    }

    /// Whom a token names; nil when it is not one of ours, or not good at `now`.
    func verify(_ token: String, now: Int) async -> Identity? {
        guard token.utf8.count <= Self.maximumBytes else { return nil }
        if let identity = known.withLock({ $0[token] }) {
            return Self.isCurrent(identity, now: now) ? identity : nil
        }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let payload = Self.bytes(parts[1]),
            Self.bytes(parts[2])?.count == Self.signatureBytes
        else { return nil }
        let (collection, isKnown) = keys.withLock { ($0.collection, $0.kidsByHeader[String(parts[0])] != nil) }
        guard isKnown, let claims = try? await collection.verify(token, as: AccessClaims.self),
            let spelling = try? Self.encoder.encode(claims), Array(spelling) == payload,
            let identity = Self.identity(claims, now: now)
        else { return nil }
        known.withLock { known in
            if known.count >= Self.maximumKnown { known.removeAll(keepingCapacity: true) }
            known[token] = identity
        }
        return identity
    }

    private static func identity(_ claims: AccessClaims, now: Int) -> Identity? {
        guard claims.iss == issuer, claims.aud == audience, let user = UInt64(claims.sub), user != 0,
            let session = UInt64(claims.sid, radix: 16), (0...now + skew).contains(claims.iat),
            (claims.iat...claims.iat + lifetime).contains(claims.exp)
        else { return nil }
        let identity = Identity(user: UserID(rawValue: user), session: session, expiresAt: claims.exp)
        return isCurrent(identity, now: now) ? identity : nil
    }

    static func isCurrent(_ identity: Identity, now: Int) -> Bool { now < identity.expiresAt + skew }

    /// What stands in a part of a token, if it is base64url in its one form.
    private static func bytes(_ part: Substring) -> [UInt8]? {
        guard let bytes = Base64.decode(part.utf8), Base64.urlSafe(bytes) == part else { return nil }
        return bytes
    }
}
