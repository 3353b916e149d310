import Crypto
import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingSimulation
import StarlingSystem
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Passwords, refresh tokens and the file of keys.
@Suite struct SecretTests {
    @Test func aHashKnowsItsPasswordAndItsParameters() throws {
        let hash = try PasswordHash("correct horse", cost: 10)
        #expect(try hash.matches("correct horse"))
        for wrong in ["", "correct horse ", "Correct horse", "correct\u{0}horse"] { #expect(try !hash.matches(wrong)) }
        #expect(try PasswordHash("correct horse", cost: 10) != hash)
        let read = try #require(PasswordHash(hash.text))
        #expect(read == hash && hash.text.hasPrefix("$scrypt$ln=10,r=8,p=3$"))
        // Two texts that the library would call the same are not.
        #expect(try !PasswordHash("\u{e9}", cost: 10).matches("e\u{301}"))
    }

    @Test(arguments: [
        "", "$", "scrypt", "$scrypt$ln=10,r=8,p=3$$", "$scrypt$ln=40,r=8,p=3$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$scrypt$ln=10,r=9,p=3$x$y", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=1,t=1,p=1$x$y",
    ])
    func whatIsNoHashIsNone(text: String) { #expect(PasswordHash(text) == nil) }

    @Test func onlyOurRefreshTokensAreRead() throws {
        let key = SymmetricKey(size: .bits256)
        let token = RefreshToken(session: 0x0102_0304_0506_0708, generation: 0xfffe)
        let text = token.text(key: key)
        let read = try #require(RefreshToken(text, key: key))
        #expect(read == token && read.hash == token.hash)
        #expect(RefreshToken(session: token.session, generation: token.generation).hash != token.hash)
        #expect(RefreshToken(text, key: SymmetricKey(size: .bits256)) == nil)
        let bytes = Array(text.utf8)
        for place in bytes.indices {
            var changed = bytes
            changed[place] = changed[place] == 65 ? 66 : 65
            #expect(RefreshToken(String(decoding: changed, as: UTF8.self), key: key) == nil, "\(place)")
        }
        for other in ["", text + "=", text + "A", String(text.dropLast()), " " + text] {
            #expect(RefreshToken(other, key: key) == nil)
        }
    }

    @Test func keysAreMadeOnceAndReadBySelfOnly() throws {
        let directory = try TemporaryDirectory()
        let file = AuthKeyFile(directory: directory.path, disk: PosixDisk())
        let first = try file.load()
        let second = try file.load()
        #expect(second.signing[0].kid == first.signing[0].kid && second.secret == first.secret)
        let attributes = try FileAttributes.permissions(directory.path + "/" + AuthKeys.fileName)
        #expect(attributes == 0o600)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"signing":[],"secret":[]}"#,
        #"{"signing":[{"kid":"x","seed":[1,2,3]}],"secret":[1]}"#,
    ])
    func damagedKeysAreARefusal(text: String) throws {
        let disk = SimulatedDisk(seed: 1)
        try disk.createDirectory("data")
        let file = try disk.open("data/" + AuthKeys.fileName, .create)
        try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
        file.close()
        #expect(throws: ConfigurationError.self) { try AuthKeyFile(directory: "data", disk: disk).load() }
    }

    /// While no daemon runs, the command rotates; a running one must do it itself.
    @Test func keysAreRotatedOnlyWhereNoDaemonRuns() async throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/data"
        var session: AccountFixture.Session?
        try await AccountFixture.run(auth: true, in: directory) { fixture in
            session = try await fixture.session("bob")
            #expect(throws: LogError.self) {
                try KeyRotation.rotate(directory: data, disk: PosixDisk(), time: SystemTime())
            }
        }
        let kid = try KeyRotation.rotate(directory: data, disk: PosixDisk(), time: SystemTime())
        try await AccountFixture.run(auth: true, in: directory) { fixture in
            let keys = try Starling_V1_KeySetResponse(
                jsonUTF8Bytes: try await fixture.get("/.well-known/jwks.json").body
            ).keys
            #expect(keys.count == 2 && keys[0].kid == kid)
            #expect(try await fixture.feedStatus(try #require(session)) == 200)
        }
    }

    /// A key of one byte over and over is no key, however long.
    @Test func weakKeysAreRefused() throws {
        let zeros = Array(repeating: "0", count: 32).joined(separator: ",")
        try damagedKeysAreARefusal(text: #"{"signing":[{"kid":"x","seed":[\#(zeros)]}],"secret":[\#(zeros)]}"#)
    }

    /// Whatever is printed or stored outside of bodies: no password, no hash of one, no token, no address.
    @Test func theLogDumpHoldsNoSecrets() async throws {
        let directory = try TemporaryDirectory()
        var secrets = [AccountFixture.password, "new password", "scrypt", "bob@", "eve@"]
        try await AccountFixture.run(auth: true, in: directory) { fixture in
            let bob = try await fixture.session("bob")
            let second = try AccountFixture.Session(try await fixture.refresh(bob.refresh))
            let change =
                #"{"password":"new password","email":"eve@example.org","currentPassword":"\#(AccountFixture.password)"}"#
            let fields = second.bearer.merging(["Idempotency-Key": "k"]) { $1 }
            #expect(
                try await fixture.http.request("PATCH", "/v1/users/\(bob.user)", fields, json: change).status == 200)
            secrets += [bob.access, bob.refresh, second.access, second.refresh]
        }
        let reader = try LogReader(directory: directory.path + "/data", disk: PosixDisk())
        var lines = 0
        try reader.forEachRecord(from: 1, upTo: reader.lastLSN) { view in
            let description = FactDescription(view)
            let value = String(decoding: view.value, as: UTF8.self)
            for secret in secrets {
                #expect(!description.text.contains(secret) && !description.json.contains(secret))
                #expect(!value.contains(secret))
            }
            lines += 1
        }
        #expect(lines >= 4)
    }
}
