import StarlingClient
import StarlingEngine
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Every operation of the schema, by each of its HTTP routes and over TCP: the same answers and the same problems.
@Suite struct BothDoorsTests {
    /// A read and a request of it.
    struct Read<Request: Message & Sendable, Answer: Message & Equatable & Sendable>: ReadCase {
        let operation: String
        let request: Request
        let answer: Answer.Type
        var actor: UInt64 = 0

        func expectEqual(_ http: HTTPDoor, _ tcp: TCPDoor) async throws {
            let overTCP = try await tcp.call(operation, request, answer: answer, actor: actor)
            let overHTTP = try await http.call(operation, request, answer: answer, actor: actor)
            #expect(overTCP.verdict == "ok", "\(operation)")
            #expect(overHTTP == overTCP, "\(operation), route \(http.route)")
        }
    }

    protocol ReadCase: Sendable {
        var operation: String { get }
        func expectEqual(_ http: HTTPDoor, _ tcp: TCPDoor) async throws
    }

    /// A write, made from the user who acts so that every call is a new one.
    struct Write<Request: Message & Sendable, Answer: Message & Equatable & Sendable>: WriteCase {
        let operation: String
        let request: @Sendable (UInt64) -> Request
        let answer: Answer.Type
        /// Takes away what differs between two writes of the same kind.
        let masked: @Sendable (Answer, UInt64) -> Answer
        /// What has to be there first.
        var prepare: @Sendable (Engine, UInt64) async throws -> Void = { _, _ in }

        func expectEqual(_ http: HTTPDoor, _ tcp: TCPDoor, users: (UInt64, UInt64)) async throws {
            try await prepare(http.daemon.daemon.engine, users.0)
            try await prepare(http.daemon.daemon.engine, users.1)
            let first = Starling_V1_RequestContext.with {
                $0.actorID = users.0
                $0.idempotencyKey = "\(operation) by route \(http.route)"
            }
            let overHTTP = try await http.call(operation, request(users.0), answer: answer, first)
            let repeated = try await tcp.call(operation, request(users.0), answer: answer, first)
            #expect(overHTTP.verdict == "ok", "\(operation)")
            #expect(repeated == overHTTP, "\(operation), route \(http.route): the same key at the other door")
            let overTCP = try await tcp.call(operation, request(users.1), answer: answer, actor: users.1)
            #expect(
                masked(try overTCP.success(), users.1) == masked(try overHTTP.success(), users.0),
                "\(operation), route \(http.route)")
        }
    }

    protocol WriteCase: Sendable {
        var operation: String { get }
        func expectEqual(_ http: HTTPDoor, _ tcp: TCPDoor, users: (UInt64, UInt64)) async throws
    }

    private static func reads(posts: [UInt64]) -> [any ReadCase] {
        [
            Read(
                operation: "Following", request: Starling_V1_FollowingRequest.with { $0.userID = 1 },
                answer: Starling_V1_FollowingResponse.self),
            Read(
                operation: "Followers",
                request: Starling_V1_FollowersRequest.with {
                    $0.userID = 2
                    $0.limit = 1
                }, answer: Starling_V1_FollowersResponse.self),
            Read(
                operation: "GetUser", request: Starling_V1_GetUserRequest.with { $0.userID = 2 },
                answer: Starling_V1_User.self),
            Read(
                operation: "FanoutMode", request: Starling_V1_FanoutModeRequest.with { $0.userID = 2 },
                answer: Starling_V1_FanoutModeResponse.self),
            Read(
                operation: "GetPost", request: Starling_V1_GetPostRequest.with { $0.postID = posts[0] },
                answer: Starling_V1_Post.self),
            Read(
                operation: "GetPosts", request: Starling_V1_GetPostsRequest.with { $0.ids = posts + [7] },
                answer: Starling_V1_GetPostsResponse.self),
            Read(
                operation: "Delivery", request: Starling_V1_DeliveryRequest.with { $0.postID = posts[0] },
                answer: Starling_V1_DeliveryResponse.self),
            Read(
                operation: "UserPosts",
                request: Starling_V1_UserPostsRequest.with {
                    $0.userID = 2
                    $0.limit = 2
                }, answer: Starling_V1_UserPostsResponse.self),
            Read(
                operation: "Feed",
                request: Starling_V1_FeedRequest.with {
                    $0.userID = 1
                    $0.limit = 2
                }, answer: Starling_V1_FeedResponse.self),
            Read(
                operation: "Feed",
                request: Starling_V1_FeedRequest.with {
                    $0.userID = 1
                    $0.limit = 2
                    $0.order = .ranked
                }, answer: Starling_V1_FeedResponse.self),
            Read(
                operation: "Feed", request: Starling_V1_FeedRequest.with { $0.hydrate = false },
                answer: Starling_V1_FeedResponse.self, actor: 1),
            Read(
                operation: "StateDigest", request: Starling_V1_StateDigestRequest(),
                answer: Starling_V1_StateDigestResponse.self),
            Read(operation: "KeySet", request: Starling_V1_KeySetRequest(), answer: Starling_V1_KeySetResponse.self),
            Read(
                operation: "GetUsers", request: Starling_V1_GetUsersRequest.with { $0.ids = [4, 2, 77, 1] },
                answer: Starling_V1_GetUsersResponse.self),
            Read(operation: "GetConfig", request: Starling_V1_GetConfigRequest(), answer: Starling_V1_Config.self),
            Read(
                operation: "UpdateConfig",
                request: Starling_V1_UpdateConfigRequest.with {
                    $0.values = [
                        "fanout.celebrityThreshold": "77", "fanout.celebrityCostShare": "0.5",
                        "fanout.awayAfterSeconds": "0",
                    ]
                },
                answer: Starling_V1_Config.self),
        ]
    }

    private static func writes() -> [any WriteCase] {
        [
            Write(
                operation: "Follow",
                request: { user in Starling_V1_FollowRequest.with { ($0.userID, $0.targetID) = (user, 2) } },
                answer: Starling_V1_FollowResponse.self, masked: { answer, _ in answer.without(\.lsn) }),
            Write(
                operation: "Unfollow",
                request: { user in Starling_V1_UnfollowRequest.with { ($0.userID, $0.targetID) = (user, 2) } },
                answer: Starling_V1_UnfollowResponse.self, masked: { answer, _ in answer.without(\.lsn) }),
            Write(
                operation: "BatchFollows",
                request: { (user: UInt64) in
                    Starling_V1_BatchFollowsRequest.with {
                        $0.rows = [2, 3, user].map { target in .with { ($0.userID, $0.targetID) = (user, target) } }
                    }
                }, answer: Starling_V1_BatchFollowsResponse.self,
                masked: { answer, user in
                    var answer = answer.without(\.lsn)
                    let detail = answer.results[2].error.detail
                    answer.results[2].error.detail = detail.replacing("user \(user)", with: "user")
                    return answer
                }),
            Write(
                operation: "CreatePost",
                request: { (user: UInt64) in
                    Starling_V1_CreatePostRequest.with {
                        $0.authorID = user
                        $0.text = "words & \"quotes\" \u{1F426}\u{0}"
                        $0.kind = .image
                        $0.mediaURL = "https://example.org/a.png?x=1&y=2"
                        $0.visibility = .followers
                    }
                }, answer: Starling_V1_CreatePostResponse.self,
                masked: { answer, user in
                    var answer = answer.without(\.lsn)
                    #expect(answer.post.authorID == user && answer.post.id != 0 && answer.post.hasCreatedAt)
                    answer.post.authorID = 0
                    answer.post.id = 0
                    answer.post.clearCreatedAt()
                    return answer
                }),
            Write(
                operation: "BatchPosts",
                request: { (user: UInt64) in
                    Starling_V1_BatchPostsRequest.with {
                        $0.rows = ["one", "", "three"].map { text in
                            .with {
                                $0.authorID = user
                                $0.text = text
                            }
                        }
                    }
                }, answer: Starling_V1_BatchPostsResponse.self,
                masked: { answer, _ in
                    var answer = answer.without(\.lsn)
                    for place in answer.results.indices where answer.results[place].hasPostID {
                        answer.results[place].postID = 1
                    }
                    return answer
                }),
        ]
    }

    private func withDaemon(_ body: (TestDaemon, TCPDoor, [UInt64]) async throws -> Void) async throws {
        // At the highest level, so that a repeated answer cannot say more than the first.
        try await TestDaemon.run(configure: { try $0.set("ack", "disk") }) { daemon in
            let tcp = TCPDoor(client: try await daemon.client())
            for (follower, followee) in [(1, 2), (1, 3), (4, 2)] as [(UInt64, UInt64)] {
                try await tcp.follow(follower, followee)
            }
            var posts: [UInt64] = []
            for number in 0..<5 {
                posts.append(try await tcp.post(UInt64(2 + number % 2), "post \(number)").post.id)
            }
            try await body(daemon, tcp, posts)
        }
    }

    @Test(arguments: 0..<2) func readsAreEqual(route: Int) async throws {
        try await withDaemon { daemon, tcp, posts in
            try await addRelations(daemon, tcp)
            let http = try HTTPDoor(daemon, route: route)
            for read in Self.reads(posts: posts) + Self.relationReads() { try await read.expectEqual(http, tcp) }
        }
    }

    @Test func writesAreEqual() async throws {
        try await withDaemon { daemon, tcp, _ in
            var user: UInt64 = 100
            for route in 0..<2 {
                let http = try HTTPDoor(daemon, route: route)
                for write in Self.writes() + Self.relationWrites() {
                    try await write.expectEqual(http, tcp, users: (user, user + 1))
                    user += 2
                }
            }
        }
    }

    @Test func deletionsAreEqual() async throws {
        try await withDaemon { daemon, tcp, posts in
            let doors: [any Door] = [try HTTPDoor(daemon), tcp]
            var answers: [[String]] = []
            for (door, post) in zip(doors, [posts[0], posts[2]]) {
                let request = Starling_V1_DeletePostRequest.with { $0.postID = post }
                var verdicts: [String] = []
                for actor in [9, 2, 2] as [UInt64] {
                    let answer = try await door.call(
                        "DeletePost", request, answer: Starling_V1_DeletePostResponse.self, actor: actor)
                    if case .success(let deletion) = answer { verdicts.append("changed: \(deletion.changed)") }
                    verdicts.append(answer.verdict)
                }
                answers.append(verdicts)
            }
            #expect(answers[0] == ["403 NOT_AUTHOR", "changed: true", "ok", "changed: false", "ok"])
            #expect(answers[1] == answers[0])
        }
    }

    @Test func totalsAreEqual() async throws {
        try await withDaemon { daemon, tcp, _ in
            for door in [try HTTPDoor(daemon), tcp] as [any Door] {
                let quiet = try await door.call(
                    "Quiesce", Starling_V1_QuiesceRequest(), answer: Starling_V1_QuiesceResponse.self
                ).success()
                #expect(quiet.lsn == 8)
                #expect(quiet.totals.edges == 3 && quiet.totals.posts == 5 && quiet.totals.users == 4)
                // Three posts of user 2 to two followers, two of user 3 to one.
                #expect(quiet.totals.deliveriesPushed == 8)
            }
        }
    }

    @Test func snapshotsAndBackupsAreTakenAtBothDoors() async throws {
        try await withDaemon { daemon, tcp, _ in
            for (number, door) in [try HTTPDoor(daemon), tcp].enumerated() as EnumeratedSequence<[any Door]> {
                let snapshot = try await door.call(
                    "TakeSnapshot", Starling_V1_TakeSnapshotRequest(), answer: Starling_V1_TakeSnapshotResponse.self
                ).success()
                #expect(snapshot.lsn == 8 && !snapshot.stateDigest.isEmpty)
                // The second one finds nothing new.
                #expect((snapshot.pages == 0) == (number == 1))
                let target = try TemporaryDirectory()
                let request = Starling_V1_BackupRequest.with { $0.directory = target.path + "/backup" }
                let backup = try await door.call("Backup", request, answer: Starling_V1_BackupResponse.self).success()
                #expect(backup.lsn == 8 && backup.files > 3)
                let again = try await door.call("Backup", request, answer: Starling_V1_BackupResponse.self)
                #expect(again.verdict == "422 BACKUP_FAILED")
                let relative = Starling_V1_BackupRequest.with { $0.directory = "somewhere" }
                let refused = try await door.call("Backup", relative, answer: Starling_V1_BackupResponse.self)
                #expect(refused.verdict == "400 INVALID_ARGUMENT")
            }
        }
    }

    /// Fails when the schema gets an operation that no test here calls.
    @Test func noOperationIsLeftOut() throws {
        let called =
            (Self.reads(posts: [1, 2, 3]) + Self.relationReads()).map(\.operation)
            + (Self.writes() + Self.relationWrites()).map(\.operation) + [
                "DeletePost", "Quiesce", "TakeSnapshot", "Backup",
                // See AccountDoorTests.
                "Register", "Login", "Refresh", "Logout", "GetUserByUsername", "UpdateUser", "DeleteUser", "ExportUser",
                "RotateKeys",
            ] + EngagementDoorsTests.called + ModerationDoorsTests.called + TopicDoorsTests.operations
        #expect(Set(called) == Set(try OperationTable().operations.map(\.name)))
    }

    @Test func problemsAreEqual() async throws {
        try await withDaemon { daemon, tcp, posts in
            let http = try HTTPDoor(daemon)
            func expectEqual<Request: Message, Answer: Message & Equatable>(
                _ operation: String, _ request: Request, _ answer: Answer.Type, actor: UInt64 = 0, _ expected: String
            ) async throws {
                let overTCP = try await tcp.call(operation, request, answer: answer, actor: actor)
                let overHTTP = try await http.call(operation, request, answer: answer, actor: actor)
                #expect(overTCP.verdict == expected)
                #expect(overHTTP == overTCP, "\(operation): \(expected)")
            }
            let follow = { (user: UInt64, target: UInt64) in
                Starling_V1_FollowRequest.with { ($0.userID, $0.targetID) = (user, target) }
            }
            try await expectEqual("Follow", follow(1, 1), Starling_V1_FollowResponse.self, "422 SELF_FOLLOW")
            try await expectEqual("Follow", follow(1, 0), Starling_V1_FollowResponse.self, "400 INVALID_ARGUMENT")
            try await expectEqual("Follow", follow(0, 2), Starling_V1_FollowResponse.self, "401 ACTOR_REQUIRED")
            try await expectEqual(
                "Follow", follow(1, 2), Starling_V1_FollowResponse.self, actor: 9, "403 ACTOR_MISMATCH")
            try await expectEqual(
                "GetPost", Starling_V1_GetPostRequest.with { $0.postID = posts[0] + 1 }, Starling_V1_Post.self,
                "404 POST_NOT_FOUND")
            try await expectEqual(
                "GetUser", Starling_V1_GetUserRequest.with { $0.userID = 4711 }, Starling_V1_User.self,
                "404 USER_NOT_FOUND")
            try await expectEqual(
                "CreatePost", Starling_V1_CreatePostRequest.with { $0.authorID = 1 },
                Starling_V1_CreatePostResponse.self, "400 INVALID_ARGUMENT")
            try await expectEqual(
                "Feed",
                Starling_V1_FeedRequest.with {
                    $0.userID = 1
                    $0.order = .ranked
                    $0.cursor = "AwAA"
                }, Starling_V1_FeedResponse.self, "400 INVALID_ARGUMENT")
            try await expectEqual(
                "UpdateConfig", Starling_V1_UpdateConfigRequest.with { $0.values = ["workers": "3"] },
                Starling_V1_Config.self, "400 INVALID_ARGUMENT")
        }
    }
}

extension Message {
    func without(_ field: WritableKeyPath<Self, UInt64>) -> Self {
        var copy = self
        #expect(copy[keyPath: field] > 0)
        copy[keyPath: field] = 0
        return copy
    }
}
