import StarlingSchema
import Testing

struct RouteTableTests {
    private let table: OperationTable

    init() throws { table = try SharedTable.get() }

    /// The routes that the API promises. The daemon's users have them in their programs.
    static let promised: [(method: String, path: String, operation: String, variables: [String])] = [
        ("PUT", "/v1/users/1/following/2", "Follow", ["user_id=1", "target_id=2"]),
        ("POST", "/v1/users/2/follow", "Follow", ["target_id=2"]),
        ("DELETE", "/v1/users/1/following/2", "Unfollow", ["user_id=1", "target_id=2"]),
        ("DELETE", "/v1/users/2/unfollow", "Unfollow", ["target_id=2"]),
        ("GET", "/v1/users/1/following", "Following", ["user_id=1"]),
        ("GET", "/v1/users/1/followers", "Followers", ["user_id=1"]),
        ("GET", "/v1/users/1", "GetUser", ["user_id=1"]),
        ("GET", "/v1/users/1/fanout-mode", "FanoutMode", ["user_id=1"]),
        ("POST", "/v1/batch/follows", "BatchFollows", []),
        ("GET", "/v1/users/1/relationships/2", "Relationship", ["user_id=1", "target_id=2"]),
        ("GET", "/v1/users/1/follow-requests", "FollowRequests", ["user_id=1"]),
        ("POST", "/v1/users/1/follow-requests/2:accept", "AcceptFollowRequest", ["user_id=1", "requester_id=2"]),
        ("POST", "/v1/users/1/follow-requests/2:reject", "RejectFollowRequest", ["user_id=1", "requester_id=2"]),
        ("PUT", "/v1/users/1/blocks/2", "Block", ["user_id=1", "target_id=2"]),
        ("DELETE", "/v1/users/1/blocks/2", "Unblock", ["user_id=1", "target_id=2"]),
        ("PUT", "/v1/users/1/mutes/2", "Mute", ["user_id=1", "target_id=2"]),
        ("DELETE", "/v1/users/1/mutes/2", "Unmute", ["user_id=1", "target_id=2"]),
        ("GET", "/v1/users/1/blocks", "Blocks", ["user_id=1"]),
        ("GET", "/v1/users/1/mutes", "Mutes", ["user_id=1"]),
        ("POST", "/v1/posts", "CreatePost", []),
        ("GET", "/v1/posts/3", "GetPost", ["post_id=3"]),
        ("GET", "/v1/posts", "GetPosts", []),
        ("DELETE", "/v1/posts/3", "DeletePost", ["post_id=3"]),
        ("GET", "/v1/users/1/posts", "UserPosts", ["user_id=1"]),
        ("POST", "/v1/batch/posts", "BatchPosts", []),
        ("GET", "/v1/posts/3/delivery", "Delivery", ["post_id=3"]),
        ("PATCH", "/v1/posts/3", "EditPost", ["post_id=3"]),
        ("PUT", "/v1/posts/3/reaction", "React", ["post_id=3"]),
        ("POST", "/v1/posts/3/like", "React", ["post_id=3"]),
        ("DELETE", "/v1/posts/3/reaction", "Unreact", ["post_id=3"]),
        ("DELETE", "/v1/posts/3/like", "Unreact", ["post_id=3"]),
        ("GET", "/v1/posts/3/reactions", "Reactions", ["post_id=3"]),
        ("POST", "/v1/posts/3/comments", "CreateComment", ["post_id=3"]),
        ("GET", "/v1/posts/3/comments", "Comments", ["post_id=3"]),
        ("GET", "/v1/comments/4", "GetComment", ["comment_id=4"]),
        ("PATCH", "/v1/comments/4", "EditComment", ["comment_id=4"]),
        ("DELETE", "/v1/comments/4", "DeleteComment", ["comment_id=4"]),
        ("PUT", "/v1/comments/4/reaction", "ReactToComment", ["comment_id=4"]),
        ("DELETE", "/v1/comments/4/reaction", "UnreactToComment", ["comment_id=4"]),
        ("GET", "/v1/notifications", "Notifications", []),
        ("POST", "/v1/notifications:markRead", "MarkRead", []),
        ("GET", "/v1/moderation/pending", "PendingPosts", []),
        ("POST", "/v1/moderation/3:approve", "ApprovePost", ["post_id=3"]),
        ("POST", "/v1/moderation/3:block", "BlockPost", ["post_id=3"]),
        ("GET", "/v1/moderation/rules", "GetModerationRules", []),
        ("PUT", "/v1/moderation/rules", "SetModerationRules", []),
        ("GET", "/v1/feed", "Feed", []),
        ("GET", "/v1/users/1/feed", "Feed", ["user_id=1"]),
        ("GET", "/v1/topics", "ListTopics", []),
        ("POST", "/v1/topics", "CreateTopic", []),
        ("POST", "/v1/topics/t.1/records", "Produce", ["topic=t.1"]),
        ("GET", "/v1/topics/t.1/partitions/2/records", "Fetch", ["topic=t.1", "partition=2"]),
        ("GET", "/admin/quiesce", "Quiesce", []),
        ("GET", "/admin/state-digest", "StateDigest", []),
        ("GET", "/admin/config", "GetConfig", []),
        ("PATCH", "/admin/config", "UpdateConfig", []),
        ("POST", "/admin/snapshot", "TakeSnapshot", []),
        ("POST", "/admin/backup", "Backup", []),
        ("POST", "/admin/keys/rotate", "RotateKeys", []),
        ("POST", "/v1/auth/register", "Register", []),
        ("POST", "/v1/auth/login", "Login", []),
        ("POST", "/v1/auth/refresh", "Refresh", []),
        ("POST", "/v1/auth/logout", "Logout", []),
        ("GET", "/.well-known/jwks.json", "KeySet", []),
        ("GET", "/v1/users", "GetUsers", []),
        ("GET", "/v1/users/by-username/bob", "GetUserByUsername", ["username=bob"]),
        ("PATCH", "/v1/users/1", "UpdateUser", ["user_id=1"]),
        ("DELETE", "/v1/users/1", "DeleteUser", ["user_id=1"]),
        ("GET", "/v1/users/1/export", "ExportUser", ["user_id=1"]),
    ]

    @Test(arguments: promised)
    func promisedRoute(method: String, path: String, operation: String, variables: [String]) {
        let routes = path.hasPrefix("/admin") ? table.adminRoutes : table.routes
        guard case .found(let route) = routes.match(method: method, path: path) else {
            Issue.record("\(method) \(path) leads nowhere")
            return
        }
        #expect(route.operation.name == operation)
        #expect(route.variables.map { "\($0.field)=\($0.value)" } == variables)
    }

    @Test func thereAreNoOtherRoutes() {
        #expect(table.operations.flatMap(\.bindings).count == Self.promised.count)
    }

    @Test func adminRoutesAreNotPublic() {
        guard case .notFound = table.routes.match(method: "GET", path: "/admin/quiesce") else {
            Issue.record("an admin route is served in public")
            return
        }
    }

    @Test(arguments: [
        "", "/", "v1/posts", "/v1", "/v1/", "/v1/posts/", "/v1/posts/3/", "//v1/posts", "/v1//posts", "/v1/users//feed",
        "/v1/nothing", "/V1/posts", "/v1/posts/3/4", "/v1/users/1/following/2/3", "/v1/posts/3/follow",
    ])
    func pathThatLeadsNowhere(path: String) {
        guard case .notFound = table.routes.match(method: "GET", path: path) else {
            Issue.record("\(path) should not be found")
            return
        }
    }

    @Test(arguments: [
        ("PATCH", "/v1/posts", [HTTPMethod.get, .post]), ("GET", "/v1/batch/posts", [.post]),
        ("POST", "/v1/users/1/following/2", [.delete, .put]), ("BREW", "/v1/feed", [.get]),
        ("get", "/v1/feed", [.get]), ("", "/v1/posts/7", [.delete, .get, .patch]),
    ])
    func methodThatIsNotAllowed(method: String, path: String, allowed: [HTTPMethod]) {
        guard case .methodNotAllowed(let allow) = table.routes.match(method: method, path: path) else {
            Issue.record("\(method) \(path) should not be allowed")
            return
        }
        #expect(allow == allowed)
    }

    @Test func valuesAreDecodedAndPlusIsAPlus() {
        guard case .found(let route) = table.routes.match(method: "GET", path: "/v1/users/%C3%A4%2F+%3A/feed") else {
            Issue.record("not found")
            return
        }
        #expect(route.variables == [PathVariable(field: "user_id", value: "ä/+:")])
    }

    @Test func literalsMayBePercentEncoded() {
        guard case .found(let route) = table.routes.match(method: "GET", path: "/v1/%66eed") else {
            Issue.record("not found")
            return
        }
        #expect(route.operation.name == "Feed")
    }

    @Test(arguments: ["/v1/posts/%", "/v1/posts/%4", "/v1/posts/%zz", "/v1/posts/%ff", "/%/posts"])
    func brokenPercentEncoding(path: String) {
        guard case .malformed = table.routes.match(method: "GET", path: path) else {
            Issue.record("\(path) should be malformed")
            return
        }
    }

    @Test func longestPath() {
        let longest = "/v1/posts/" + String(repeating: "9", count: RouteTable.maxPathBytes - 10)
        guard case .found = table.routes.match(method: "GET", path: longest) else {
            Issue.record("a path of the greatest length should be found")
            return
        }
        guard case .tooLong = table.routes.match(method: "GET", path: longest + "9") else {
            Issue.record("a longer path should be refused")
            return
        }
    }

    @Test func mostSegments() {
        guard case .notFound = table.routes.match(method: "GET", path: String(repeating: "/a", count: 32)) else {
            Issue.record("32 segments are not too many")
            return
        }
        guard case .tooLong = table.routes.match(method: "GET", path: String(repeating: "/a", count: 33)) else {
            Issue.record("33 segments are too many")
            return
        }
    }

    @Test func verbsLiteralsAndVariablesTogether() throws {
        var fixture = SchemaFixture()
        fixture.add("Get", opcode: 16, get: "/things/{id}")
        fixture.add("Accept", opcode: 17, get: "/things/{id}:accept")
        fixture.add("List", opcode: 18, get: "/things:list")
        fixture.add("Named", opcode: 19, get: "/things/special/{id}")
        fixture.add("Part", opcode: 20, get: "/things/{id}/part")
        let routes = try fixture.table().routes
        func name(_ path: String) -> String? {
            guard case .found(let route) = routes.match(method: "GET", path: path) else { return nil }
            return ([route.operation.name] + route.variables.map(\.value)).joined(separator: " ")
        }
        #expect(name("/things/5") == "Get 5")
        #expect(name("/things/5:accept") == "Accept 5")
        #expect(name("/things/5:other") == "Get 5:other")
        #expect(name("/things/a:b:accept") == "Accept a:b")
        #expect(name("/things/5%3Aaccept") == "Get 5:accept")
        #expect(name("/things/:accept") == "Get :accept")
        #expect(name("/things:list") == "List")
        #expect(name("/things:other") == nil)
        #expect(name("/things/special/5") == "Named 5")
        #expect(name("/things/special/part") == "Named part")
        #expect(name("/things/special") == "Get special")
        #expect(name("/things/other/part") == "Part other")
        #expect(name("/things/other/5") == nil)
    }

    @Test func literalThatLeadsNowhereGivesWayToAVariable() throws {
        var fixture = SchemaFixture()
        fixture.add("A", opcode: 16, get: "/a/b/c")
        fixture.add("B", opcode: 17, get: "/a/{id}/d")
        guard case .found(let route) = try fixture.table().routes.match(method: "GET", path: "/a/b/d") else {
            Issue.record("not found")
            return
        }
        #expect(route.operation.name == "B")
        #expect(route.variables == [PathVariable(field: "id", value: "b")])
    }
}
