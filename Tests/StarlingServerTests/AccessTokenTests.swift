import Crypto
import Foundation
import JWTKit
import StarlingEngine
import StarlingSchema
import Testing

@testable import StarlingServer

/// Tokens that somebody made up or changed (RFC 8725), each of which must be refused.
@Suite struct AccessTokenTests {
    private static let now = 1_700_000_000
    private let keys = AuthKeys.generate()
    private let bob = UserID(rawValue: 7)

    private func tokens() async throws -> AccessTokens { try await AccessTokens(keys) }

    private var privateKey: Curve25519.Signing.PrivateKey {
        get throws { try Curve25519.Signing.PrivateKey(rawRepresentation: Data(keys.signing[0].seed)) }
    }

    private var header: String { #"{"alg":"EdDSA","kid":"\#(keys.signing[0].kid)","typ":"at+jwt"}"# }

    private static func payload(_ change: (inout [String: Any]) -> Void = { _ in }) throws -> String {
        var claims: [String: Any] = [
            "aud": "starling", "exp": now + 600, "iat": now, "iss": "starling", "jti": "x", "sid": "1", "sub": "7",
        ]
        change(&claims)
        return String(
            decoding: try JSONSerialization.data(
                withJSONObject: claims, options: [.sortedKeys, .withoutEscapingSlashes]),
            as: UTF8.self)
    }

    /// Signed by the true key, whatever it says.
    private func sealed(header: String, payload: String) throws -> String {
        let text = Base64.urlSafe(header.utf8) + "." + Base64.urlSafe(payload.utf8)
        return text + "." + Base64.urlSafe(try privateKey.signature(for: Data(text.utf8)))
    }

    @Test func aTokenIsGoodForTenMinutesAndWhatClocksMayDiffer() async throws {
        let tokens = try await tokens()
        let token = try await tokens.sign(user: bob, session: 9, now: Self.now)
        for _ in 0..<2 {
            let identity = await tokens.verify(token, now: Self.now)
            #expect(identity == Identity(user: bob, session: 9, expiresAt: Self.now + 600))
            #expect(await tokens.verify(token, now: Self.now + 659) != nil)
            #expect(await tokens.verify(token, now: Self.now + 660) == nil)
        }
        // Not known yet: from the future.
        let other = try await self.tokens()
        #expect(await other.verify(token, now: Self.now - 61) == nil)
        #expect(await other.verify(token, now: Self.now - 60) != nil)
        #expect(await other.verify(token, now: Self.now + 660) == nil)
    }

    @Test func theTestsOwnTokensAreGood() async throws {
        let token = try sealed(header: header, payload: try Self.payload())
        #expect(await (try await tokens()).verify(token, now: Self.now) != nil)
    }

    @Test(arguments: [
        #"{"alg":"none","kid":"KID","typ":"at+jwt"}"#, #"{"alg":"HS256","kid":"KID","typ":"at+jwt"}"#,
        #"{"alg":"ES256","kid":"KID","typ":"at+jwt"}"#, #"{"alg":"EdDSA","kid":"KID","typ":"JWT"}"#,
        #"{"alg":"EdDSA","kid":"KID"}"#, #"{"alg":"EdDSA","typ":"at+jwt"}"#,
        #"{"alg":"EdDSA","kid":"../../etc/passwd","typ":"at+jwt"}"#,
        #"{"alg":"EdDSA","kid":"' OR 1=1","typ":"at+jwt"}"#,
        #"{"alg":"EdDSA","crit":["exp"],"kid":"KID","typ":"at+jwt"}"#,
        #"{"alg":"EdDSA","jku":"http://127.0.0.1/","kid":"KID","typ":"at+jwt"}"#,
        #"{"alg":"EdDSA","jwk":{"kty":"OKP"},"kid":"KID","typ":"at+jwt"}"#,
        #"{"alg":"EdDSA","kid":"KID","typ":"at+jwt","x5u":"http://127.0.0.1/"}"#,
        #"{"alg":"none","alg":"EdDSA","kid":"KID","typ":"at+jwt"}"#,
        #"{"alg":"EdDSA","kid":"KID","typ":"at+jwt"} "#, #"{ "alg":"EdDSA","kid":"KID","typ":"at+jwt"}"#,
        #"{"kid":"KID","alg":"EdDSA","typ":"at+jwt"}"#, #"{}"#, "",
    ])
    func headersThatWeDoNotWrite(header: String) async throws {
        let header = header.replacing("KID", with: keys.signing[0].kid)
        let token = try sealed(header: header, payload: try Self.payload())
        #expect(await (try await tokens()).verify(token, now: Self.now) == nil)
    }

    @Test func claimsThatAreNotOurs() async throws {
        let tokens = try await tokens()
        let changes: [(inout [String: Any]) -> Void] = [
            { $0["iss"] = "somebody" }, { $0["aud"] = "else" }, { $0["aud"] = ["starling"] }, { $0["exp"] = nil },
            { $0["iat"] = nil }, { $0["sub"] = nil }, { $0["sid"] = nil }, { $0["jti"] = nil }, { $0["sub"] = 7 },
            { $0["sub"] = "" }, { $0["sub"] = "0" }, { $0["sub"] = "-7" }, { $0["sub"] = "7 " },
            { $0["sub"] = "18446744073709551616" }, { $0["sid"] = "x" }, { $0["exp"] = Self.now - 61 },
            { $0["exp"] = Self.now + 601 }, { $0["exp"] = "1800000000" }, { $0["exp"] = 1.8e9 + 0.5 },
            { $0["iat"] = Self.now + 61 }, { $0["nbf"] = Self.now }, { $0["admin"] = true },
        ]
        for (place, change) in changes.enumerated() {
            let token = try sealed(header: header, payload: try Self.payload(change))
            #expect(await tokens.verify(token, now: Self.now) == nil, "change \(place)")
        }
        // Twice, in another order, with spaces: signed, but not as we write.
        let payload = try Self.payload()
        for other in [
            payload.replacing(#""sub":"7""#, with: #""sub":"7","sub":"8""#), payload.replacing(",", with: ", "),
            payload + " ", "[]", "",
        ] {
            let token = try sealed(header: header, payload: other)
            #expect(await tokens.verify(token, now: Self.now) == nil, "\(other)")
        }
    }

    @Test func oneChangedCharacterIsEnough() async throws {
        let tokens = try await tokens()
        let token = Array(try sealed(header: header, payload: try Self.payload()).utf8)
        for place in token.indices {
            var changed = token
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(await tokens.verify(String(decoding: changed, as: UTF8.self), now: Self.now) == nil, "\(place)")
        }
        let text = String(decoding: token, as: UTF8.self)
        let parts = text.split(separator: ".").map(String.init)
        for other in [
            text + "=", text + "==", text + ".", "." + text, text + " ", parts[0] + "." + parts[1],
            parts[0] + "." + parts[1] + ".",
            parts.joined(separator: ".") + "." + parts[2], text.replacing("-", with: "+") + "A", "", "..",
            text.dropLast() + "\n",
        ] {
            #expect(await tokens.verify(String(other), now: Self.now) == nil, "\(other)")
        }
        // An order added to the signature's number gives the same point: must not be taken (malleability).
        let order: [UInt8] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
        ]
        var signature = try #require(Base64.decode(parts[2].utf8))
        var carry = 0
        for place in 0..<32 {
            let sum = Int(signature[32 + place]) + (place < 16 ? Int(order[place]) : place == 31 ? 0x10 : 0) + carry
            signature[32 + place] = UInt8(sum & 255)
            carry = sum >> 8
        }
        let twin = parts[0] + "." + parts[1] + "." + Base64.urlSafe(signature)
        #expect(await tokens.verify(twin, now: Self.now) == nil)
    }

    @Test func tokensOfOtherKeysAndOfTooManyBytes() async throws {
        let tokens = try await tokens()
        let stranger = try await AccessTokens(.generate())
        let foreign = try await stranger.sign(user: bob, session: 9, now: Self.now)
        #expect(await tokens.verify(foreign, now: Self.now) == nil)
        // A stranger's signature under our header.
        let text = Base64.urlSafe(header.utf8) + "." + Base64.urlSafe(try Self.payload().utf8)
        let forged = try Curve25519.Signing.PrivateKey().signature(for: Data(text.utf8))
        #expect(await tokens.verify(text + "." + Base64.urlSafe(forged), now: Self.now) == nil)
        // The public key as a secret of HMAC: the classic confusion.
        let mac = HMAC<SHA256>.authenticationCode(
            for: Data(text.utf8), using: SymmetricKey(data: try privateKey.publicKey.rawRepresentation))
        #expect(await tokens.verify(text + "." + Base64.urlSafe(mac), now: Self.now) == nil)
        let long = try sealed(
            header: header, payload: try Self.payload { $0["jti"] = String(repeating: "x", count: 4_096) })
        #expect(await tokens.verify(long, now: Self.now) == nil)
    }

    @Test func rotationKeepsOldKeysForAsLongAsTheirTokensLive() async throws {
        var rotated = keys
        let old = try await (try await tokens()).sign(user: bob, session: 9, now: Self.now)
        rotated.rotate(now: 1_000_000)
        #expect(rotated.signing.count == 2 && rotated.secret == keys.secret)
        let tokens = try await AccessTokens(rotated)
        #expect(await tokens.verify(old, now: Self.now) != nil)
        rotated.rotate(now: 1_000_000 + 3_600_001)
        #expect(rotated.signing.count == 2)
        try await tokens.use(rotated)
        #expect(await tokens.verify(old, now: Self.now) == nil)
    }
}
