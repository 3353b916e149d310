import StarlingClient
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Accounts without authentication of actors: what the operations do, at both doors.
@Suite struct AccountDoorTests {
    @Test func anAccountLivesFromRegistrationToDeletion() async throws {
        try await AccountFixture.run(auth: false) { fixture in
            let answer = try await fixture.register("Bob", ["Idempotency-Key": "r"])
            #expect(answer.status == 201)
            let session = try AccountFixture.Session(answer)
            #expect(answer.field("location") == "/v1/users/\(session.user)")
            let again = try await fixture.register("Bob", ["Idempotency-Key": "r"])
            #expect(again.status == 201 && again.field("idempotent-replayed") == "true")
            #expect(try AccountFixture.Session(again).user == session.user)
            #expect(try await fixture.register("bob").code == "USERNAME_TAKEN")
            let path = "/v1/users/\(session.user)"
            let actor = ["X-Actor-Id": "\(session.user)"]
            let change = try await fixture.http.request(
                "PATCH", path, actor, json: #"{"displayName":"B","bio":"words","pictureUrl":"https://e.org/p"}"#)
            #expect(change.status == 200)
            let user = try Starling_V1_User(jsonUTF8Bytes: try await fixture.get("/v1/users/by-username/BOB").body)
            #expect(user.username == "Bob" && user.displayName == "B" && user.bio == "words" && user.hasCreatedAt)
            #expect(user == (try Starling_V1_User(jsonUTF8Bytes: try await fixture.get(path).body)))
            #expect(try await fixture.http.request("DELETE", path, actor).status == 200)
            #expect(try await fixture.get(path).status == 404)
            #expect(try await fixture.get("/v1/users/by-username/bob").status == 404)
            #expect(try await fixture.login("bob").code == "WRONG_CREDENTIALS")
            #expect(try await fixture.register("BOB").status == 201)
        }
    }

    @Test func bothDoorsKnowTheSameAccounts() async throws {
        try await AccountFixture.run(auth: false) { fixture in
            let client = try await fixture.daemon.client()
            let made = try await client.call(
                "Register",
                Starling_V1_RegisterRequest.with {
                    $0.username = "ann"
                    $0.email = "ann@example.org"
                    $0.password = AccountFixture.password
                }, answer: Starling_V1_SessionResponse.self)
            #expect(made.hasAccessToken && made.hasRefreshToken && made.lsn > 0)
            #expect(try await fixture.login("ANN").status == 200)
            let refreshed = try await client.call(
                "Refresh", Starling_V1_RefreshRequest.with { $0.refreshToken = made.refreshToken },
                answer: Starling_V1_SessionResponse.self)
            #expect(refreshed.user == made.user)
            #expect(try await fixture.refresh(refreshed.refreshToken).status == 200)
            await #expect(throws: ClientError.self) {
                _ = try await client.call(
                    "Login",
                    Starling_V1_LoginRequest.with {
                        $0.username = "ann"
                        $0.password = AccountFixture.password
                        $0.cookies = true
                    }, answer: Starling_V1_SessionResponse.self)
            }
            await client.close()
        }
    }

    @Test func postsAndFeedsNameTheirAuthors() async throws {
        try await AccountFixture.run(auth: false) { fixture in
            let bob = try await fixture.session("bob").user
            let client = TCPDoor(client: try await fixture.daemon.client())
            try await client.follow(7, bob)
            try await client.follow(7, 8)
            let posts = [try await client.post(bob, "one").post.id, try await client.post(8, "two").post.id]
            let feed = try Starling_V1_FeedResponse(
                jsonUTF8Bytes: try await fixture.get("/v1/users/7/feed").body)
            #expect(feed.items.map(\.author.username) == ["", "bob"])
            #expect(feed.items.map(\.author.id) == [8, bob])
            let post = try Starling_V1_Post(jsonUTF8Bytes: try await fixture.get("/v1/posts/\(posts[0])").body)
            #expect(post.author.displayName == "bob" && post.author.id == bob)
        }
    }

    @Test(arguments: [
        (#"{"username":"a b","email":"a@b.c","password":"12345678"}"#, "username"),
        (#"{"username":"ab","email":"ab.c","password":"12345678"}"#, "email"),
        (#"{"username":"ab","email":"a@b.c","password":"1234567"}"#, "password"),
        (#"{"username":"ab","email":"a@b.c"}"#, "password"),
        (#"{"username":"ab","email":"a@b.c","password":"12345678","displayName":"\u0007"}"#, "displayName"),
    ])
    func badFieldsAreNamed(json: String, field: String) async throws {
        try await AccountFixture.run(auth: false) { fixture in
            let answer = try await fixture.post("/v1/auth/register", json)
            #expect(answer.status == 400)
            let problem = try Starling_V1_Problem(jsonUTF8Bytes: answer.body)
            #expect(problem.errors.map(\.field) == [field])
            #expect(!answer.text.contains("1234567"))
        }
    }

    /// Who tries names learns nothing: the answers are the same, byte for byte.
    @Test func unknownNamesAndWrongPasswordsAreAnsweredAlike() async throws {
        try await AccountFixture.run(auth: false) { fixture in
            _ = try await fixture.session("bob")
            let wrong = try await fixture.login("bob", "wrong password")
            let unknown = try await fixture.login("nobody", "wrong password")
            let empty = try await fixture.login("bob", "")
            #expect(wrong.status == 401 && wrong.body == unknown.body && wrong.body == empty.body)
            #expect(wrong.fields.map(\.name) == unknown.fields.map(\.name))
        }
    }

    @Test func anExportHoldsEverything() async throws {
        try await AccountFixture.run(auth: false) { fixture in
            let bob = try await fixture.session("bob").user
            let client = TCPDoor(client: try await fixture.daemon.client())
            for other in 1...3 as ClosedRange<UInt64> {
                try await client.follow(bob, other)
                try await client.follow(other, bob)
            }
            for number in 0..<250 { _ = try await client.post(bob, "post \(number)") }
            let actor = ["X-Actor-Id": "\(bob)"]
            var lines: [String] = []
            var cursor = ""
            repeat {
                let answer = try await fixture.get("/v1/users/\(bob)/export?cursor=\(cursor)", actor)
                #expect(answer.status == 200 && answer.field("content-type") == "application/jsonl")
                var page = answer.text.split(separator: "\n").map(String.init)
                cursor = ""
                if let last = page.last, last.hasPrefix(#"{"type":"next""#) {
                    cursor = String(last.dropFirst(#"{"type":"next","cursor":""#.count).dropLast(2))
                    page.removeLast()
                }
                lines += page
            } while !cursor.isEmpty
            let counts = ["profile", "following", "follower", "post"].map { type in
                lines.filter { $0.hasPrefix(#"{"type":"\#(type)""#) }.count
            }
            #expect(counts == [1, 3, 3, 250] && lines.count == 257)
            #expect(lines[0].contains(#""email":"bob@example.org""#) && !lines[0].contains("scrypt"))
            #expect(lines.allSatisfy { (try? JSONValue(parsing: Array($0.utf8))) != nil })
            #expect(try await fixture.get("/v1/users/\(bob)/export", ["X-Actor-Id": "1"]).status == 403)
        }
    }

    @Test func keysAreRotatedAndOldTokensStayGood() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let session = try await fixture.session("bob")
            let before = try Starling_V1_KeySetResponse(
                jsonUTF8Bytes: try await fixture.get("/.well-known/jwks.json").body)
            let rotated = try await fixture.daemon.admin().request("POST", "/admin/keys/rotate", json: "{}")
            #expect(rotated.status == 200)
            let after = try Starling_V1_KeySetResponse(
                jsonUTF8Bytes: try await fixture.get("/.well-known/jwks.json").body)
            #expect(after.keys.count == 2 && Array(after.keys.suffix(1)) == before.keys)
            #expect(after.keys.allSatisfy { $0.alg == "EdDSA" && $0.kty == "OKP" && $0.crv == "Ed25519" })
            #expect(try await fixture.feedStatus(session) == 200)
            let next = try AccountFixture.Session(try await fixture.refresh(session.refresh))
            #expect(try await fixture.feedStatus(next) == 200)
        }
    }
}
