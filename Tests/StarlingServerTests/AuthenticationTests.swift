import StarlingClient
import StarlingSchema
import StarlingTestSupport
import StarlingWire
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// A server with authentication: who acts is what a token says, at every door.
@Suite struct AuthenticationTests {
    @Test func onlyTheTokenSaysWhoActs() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let bob = try await fixture.session("bob")
            let ann = try await fixture.session("ann")
            let none = try await fixture.get("/v1/feed")
            #expect(none.status == 401 && none.code == "TOKEN_REQUIRED")
            #expect(none.field("www-authenticate")?.hasPrefix("Bearer") == true)
            #expect(try await fixture.get("/v1/feed", ["X-Actor-Id": "\(bob.user)"]).status == 400)
            #expect(try await fixture.feedStatus(bob) == 200)
            let both = bob.bearer.merging(["X-Actor-Id": "\(bob.user)"]) { $1 }
            #expect(try await fixture.get("/v1/feed", both).status == 400)
            // Public reads need no token; a bad one is refused all the same.
            #expect(try await fixture.get("/v1/users/\(bob.user)").status == 200)
            let bad = try await fixture.get("/v1/users/\(bob.user)", ["Authorization": "Bearer x.y.z"])
            #expect(bad.status == 401 && bad.field("www-authenticate")?.contains("invalid_token") == true)
            #expect(try await fixture.get("/v1/feed", ["Authorization": "Basic \(bob.access)"]).status == 401)
            // Nobody writes or reads as somebody else.
            let http = fixture.http
            let foreign: [(String, String, String?)] = [
                ("PUT", "/v1/users/\(ann.user)/following/5", "{}"),
                ("DELETE", "/v1/users/\(ann.user)/following/5", nil),
                ("POST", "/v1/posts", #"{"authorId":"\#(ann.user)","text":"x"}"#),
                ("POST", "/v1/batch/posts", #"{"rows":[{"authorId":"\#(ann.user)","text":"x"}]}"#),
                ("POST", "/v1/batch/follows", #"{"rows":[{"userId":"\#(ann.user)","targetId":"5"}]}"#),
                ("PATCH", "/v1/users/\(ann.user)", #"{"bio":"x"}"#), ("DELETE", "/v1/users/\(ann.user)", nil),
                ("GET", "/v1/users/\(ann.user)/export", nil), ("GET", "/v1/users/\(ann.user)/feed", nil),
            ]
            for (method, path, json) in foreign {
                let answer = try await http.request(method, path, bob.bearer, body: json.map { Array($0.utf8) })
                #expect(answer.status == 403, "\(method) \(path)")
            }
            let follow = try await http.request(
                "PUT", "/v1/users/\(bob.user)/following/\(ann.user)", bob.bearer, json: "{}")
            #expect(follow.status == 200)
            #expect(try await fixture.post("/v1/posts", #"{"text":"mine"}"#, ann.bearer).status == 201)
            #expect(try await fixture.get("/v1/feed", bob.bearer).text.contains("mine"))
        }
    }

    @Test func aLogOutIsFeltAtOnceAtEveryDoor() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let bob = try await fixture.session("bob")
            let other = try AccountFixture.Session(try await fixture.login("bob"))
            let client = try await fixture.daemon.client(token: bob.access)
            let page = Starling_V1_FeedRequest.with { $0.hydrate = false }
            _ = try await client.call("Feed", page, answer: Starling_V1_FeedResponse.self)
            #expect(try await fixture.post("/v1/auth/logout", "{}", bob.bearer).status == 200)
            #expect(try await fixture.feedStatus(bob) == 401)
            await #expect(throws: ClientError.self) {
                _ = try await client.call("Feed", page, answer: Starling_V1_FeedResponse.self)
            }
            await client.close()
            await #expect(throws: ClientError.self) { _ = try await fixture.daemon.client(token: bob.access) }
            #expect(try await fixture.refresh(bob.refresh).code == "REFRESH_REFUSED")
            // The other session of the same user goes on, and a log-out is no news the second time.
            #expect(try await fixture.feedStatus(other) == 200)
            #expect(try await fixture.post("/v1/auth/logout", #"{"refreshToken":"\#(bob.refresh)"}"#).status == 200)
        }
    }

    @Test func aReusedRefreshTokenEndsItsFamilyAlsoAfterARestart() async throws {
        let directory = try TemporaryDirectory()
        var sessions: [AccountFixture.Session] = []
        try await AccountFixture.run(auth: true, in: directory) { fixture in
            let first = try await fixture.session("bob")
            let second = try AccountFixture.Session(try await fixture.refresh(first.refresh))
            let third = try AccountFixture.Session(try await fixture.refresh(second.refresh))
            sessions = [first, second, third]
        }
        try await AccountFixture.run(auth: true, in: directory) { fixture async throws in
            // What somebody made up about the session does it no harm.
            var forged = Array(sessions[2].refresh.utf8)
            forged[20] = forged[20] == 65 ? 66 : 65
            let refused = try await fixture.refresh(String(decoding: forged, as: UTF8.self))
            #expect(refused.status == 401)
            #expect(try await fixture.feedStatus(sessions[2]) == 200)
            #expect(try await fixture.refresh(sessions[0].refresh).status == 401)
            for session in sessions { #expect(try await fixture.feedStatus(session) == 401) }
            #expect(try await fixture.refresh(sessions[2].refresh).status == 401)
        }
    }

    @Test func anotherPasswordEndsOtherSessionsAndNeedsTheOldOne() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let bob = try await fixture.session("bob")
            let thief = try AccountFixture.Session(try await fixture.login("bob"))
            let path = "/v1/users/\(bob.user)"
            let wrong = #"{"password":"new password","currentPassword":"guess"}"#
            #expect(try await fixture.http.request("PATCH", path, thief.bearer, json: wrong).code == "WRONG_PASSWORD")
            let mail = #"{"email":"thief@example.org"}"#
            #expect(try await fixture.http.request("PATCH", path, thief.bearer, json: mail).code == "WRONG_PASSWORD")
            let right = #"{"password":"new password","currentPassword":"\#(AccountFixture.password)"}"#
            #expect(try await fixture.http.request("PATCH", path, bob.bearer, json: right).status == 200)
            #expect(try await fixture.feedStatus(thief) == 401)
            #expect(try await fixture.feedStatus(bob) == 200)
            #expect(try await fixture.login("bob").status == 401)
            #expect(try await fixture.login("bob", "new password").status == 200)
            #expect(try await fixture.http.request("DELETE", path, bob.bearer).status == 200)
            #expect(try await fixture.feedStatus(bob) == 401)
        }
    }

    @Test func tcpTakesTheTokenOfThePreface() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let bob = try await fixture.session("bob")
            let ann = try await fixture.session("ann")
            let anonymous = TCPDoor(client: try await fixture.daemon.client())
            let user = Starling_V1_GetUserRequest.with { $0.userID = bob.user }
            #expect(try await anonymous.call("GetUser", user, answer: Starling_V1_User.self).verdict == "ok")
            let own = TCPDoor(client: try await fixture.daemon.client(token: bob.access))
            for (door, named, expected) in [
                (anonymous, 0, "401 TOKEN_REQUIRED"), (anonymous, bob.user, "401 TOKEN_REQUIRED"), (own, 0, "ok"),
                (own, bob.user, "ok"), (own, ann.user, "403 ACTOR_MISMATCH"),
            ] {
                // Both ways that pages of feeds take.
                for hydrate in [true, false] {
                    let request = Starling_V1_FeedRequest.with {
                        $0.userID = named
                        $0.hydrate = hydrate
                    }
                    let answer = try await door.call("Feed", request, answer: Starling_V1_FeedResponse.self)
                    #expect(answer.verdict == expected, "\(named) \(hydrate)")
                }
            }
            let config = Starling_V1_GetConfigRequest()
            #expect(
                try await own.call("GetConfig", config, answer: Starling_V1_Config.self).verdict == "403 ADMIN_ONLY")
            let post = Starling_V1_CreatePostRequest.with { $0.text = "x" }
            #expect(
                try await own.call("CreatePost", post, answer: Starling_V1_CreatePostResponse.self, actor: bob.user)
                    .verdict
                    == "400 INVALID_ARGUMENT")
            await #expect(throws: ClientError.self) { _ = try await fixture.daemon.client(token: "a.b.c") }
            await #expect(throws: ClientError.self) { _ = try await fixture.daemon.client(token: bob.refresh) }
        }
    }

    /// Plain posts go together with others on the way to the log; whose they are, the tokens say.
    @Test func plainPostsOverTCPAreOfTheTokensSubject() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let bob = try await fixture.session("bob")
            let ann = try await fixture.session("ann")
            let bobs = TCPDoor(client: try await fixture.daemon.client(token: bob.access))
            let anns = TCPDoor(client: try await fixture.daemon.client(token: ann.access))
            let nobodys = TCPDoor(client: try await fixture.daemon.client())
            for (door, named, author) in [
                (bobs, 0, bob.user), (bobs, bob.user, bob.user), (anns, 0, ann.user), (bobs, ann.user, 0),
                (nobodys, bob.user, 0), (nobodys, 0, 0),
            ] {
                let post = Starling_V1_CreatePostRequest.with {
                    $0.authorID = named
                    $0.text = "plain"
                }
                let answer = try await door.call("CreatePost", post, answer: Starling_V1_CreatePostResponse.self)
                if case .success(let made) = answer {
                    #expect(made.post.authorID == author)
                } else {
                    #expect(author == 0 && answer.verdict.hasPrefix("40"), "\(named) \(answer.verdict)")
                }
            }
            #expect(try await fixture.post("/v1/auth/logout", "{}", bob.bearer).status == 200)
            let late = Starling_V1_CreatePostRequest.with { $0.text = "late" }
            let answer = try await bobs.call("CreatePost", late, answer: Starling_V1_CreatePostResponse.self)
            #expect(answer.verdict == "401 TOKEN_REFUSED")
            let posts = try await fixture.get("/v1/users/\(bob.user)/posts")
            #expect(posts.text.ranges(of: "\"plain\"").count == 2 && !posts.text.contains("late"))
        }
    }

    /// A bucket of a user is that of the token's subject: nobody else can empty it, and it is the same at both doors.
    @Test func limitsByUserGoByTheTokensSubject() async throws {
        let rules = #"[{"name":"feeds","key":["user"],"rate":"1/h","burst":3,"routes":["Feed"]}]"#
        try await AccountFixture.run(auth: true, set: ["rateLimits.rules": rules]) { fixture in
            let bob = try await fixture.session("bob")
            let ann = try await fixture.session("ann")
            for _ in 0..<5 {
                #expect(try await fixture.get("/v1/feed", ["Authorization": "Bearer \(bob.access)x"]).status != 200)
            }
            let tcp = TCPDoor(client: try await fixture.daemon.client(token: bob.access))
            let page = Starling_V1_FeedRequest.with { $0.hydrate = false }
            #expect(try await tcp.call("Feed", page, answer: Starling_V1_FeedResponse.self).verdict == "ok")
            #expect(try await fixture.feedStatus(bob) == 200)
            #expect(try await fixture.feedStatus(bob) == 200)
            #expect(try await fixture.feedStatus(bob) == 429)
            #expect(
                try await tcp.call("Feed", page, answer: Starling_V1_FeedResponse.self).verdict == "429 RATE_LIMITED")
            #expect(try await fixture.feedStatus(ann) == 200)
        }
    }

    /// Frames that come with the preface wait for the token to be checked.
    @Test func framesBehindThePrefaceWaitForTheToken() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let bob = try await fixture.session("bob")
            let connection = try WireConnection(fixture.daemon)
            let token = Array(bob.access.utf8)
            let preface: [UInt8] = [
                0xfb, 0x53, 0x54, 0x4c, 1, 1, 0, 0, UInt8(token.count & 255), UInt8(token.count >> 8),
            ]
            var frames: [UInt8] = []
            for correlation in 1...3 as ClosedRange<UInt64> {
                frames += try connection.frame(80, [], correlation: correlation)
            }
            try await connection.send(preface + token + frames)
            #expect(try await connection.preface()?.status == .ok)
            for _ in 1...3 { #expect(try await connection.answer()?.header.flags.contains(.problem) == false) }
        }
    }

    @Test func cookiesAreForOurOwnPagesOnly() async throws {
        try await AccountFixture.run(auth: true) { fixture in
            let bob = try await fixture.session("bob")
            let answer = try await fixture.login("bob", more: #","cookies":true"#)
            let cookies = answer.fields.filter { $0.name == "set-cookie" }.map(\.value)
            #expect(cookies.count == 2)
            #expect(
                cookies.allSatisfy {
                    $0.contains("HttpOnly") && $0.contains("SameSite=Strict") && $0.contains("Secure")
                })
            #expect(cookies[1].contains("Path=/v1/auth"))
            let session = try AccountFixture.Session(answer)
            #expect(session.access.isEmpty && session.refresh.isEmpty)
            let sent = cookies.compactMap { $0.split(separator: ";").first.map(String.init) }
            let access = ["Cookie": sent[0]]
            #expect(try await fixture.get("/v1/feed", access).status == 200)
            let post = #"{"text":"x"}"#
            let forged = try await fixture.post("/v1/posts", post, access)
            #expect(forged.status == 403 && forged.code == "CSRF_HEADER_MISSING")
            let header = ["X-Starling-Csrf": "1"]
            #expect(try await fixture.post("/v1/posts", post, access.merging(header) { $1 }).status == 201)
            let refresh = ["Cookie": sent[1]]
            #expect(try await fixture.post("/v1/auth/refresh", "{}", refresh).status == 403)
            let renewed = try await fixture.post("/v1/auth/refresh", "{}", refresh.merging(header) { $1 })
            #expect(renewed.status == 200 && renewed.fields.filter { $0.name == "set-cookie" }.count == 2)
            let newRefresh = renewed.fields.filter { $0.name == "set-cookie" }[1].value.split(separator: ";")[0]
            let end = try await fixture.post(
                "/v1/auth/logout", "{}", ["Cookie": String(newRefresh)].merging(header) { $1 })
            #expect(end.status == 200)
            #expect(end.fields.filter { $0.name == "set-cookie" && $0.value.contains("Max-Age=0") }.count == 2)
            #expect(try await fixture.get("/v1/feed", access).status == 401)
            // A cookie twice, or beside others, or with a name that only ends alike.
            let twice = ["Cookie": "\(sent[0]); \(sent[0])"]
            #expect(try await fixture.get("/v1/feed", twice).status == 401)
            #expect(
                try await fixture.get("/v1/feed", ["Cookie": "x\(SessionCookieFields.accessName)=\(bob.access)"]).status
                    == 401)
            let beside = ["Cookie": "a=b;c; \(SessionCookieFields.accessName)=\(bob.access)"]
            #expect(try await fixture.get("/v1/feed", beside).status == 200)
        }
    }
}
