import StarlingSchema
import Testing

struct PathAndQueryBindingTests {
    private let fixture: BindingFixture

    init() throws { fixture = try BindingFixture() }

    @Test func pathCarriesFields() throws {
        let request = try fixture.bind(
            Starling_V1_FollowRequest.self, "PUT", "/v1/users/18446744073709551615/following/2")
        #expect(request.userID == .max)
        #expect(request.targetID == 2)
    }

    @Test(arguments: ["userId=5", "user_id=5", "user%49d=5"])
    func queryNamesInBothCases(query: String) throws {
        let request = try fixture.bind(Starling_V1_UnfollowRequest.self, "DELETE", "/v1/users/2/unfollow?\(query)")
        #expect(request.userID == 5)
        #expect(request.targetID == 2)
    }

    @Test func queryTypes() throws {
        let request = try fixture.bind(
            Starling_V1_FeedRequest.self, "GET", "/v1/users/1/feed?limit=20&cursor=a%2Bb+c&hydrate=false&order=RANKED")
        #expect(request.userID == 1)
        #expect(request.limit == 20)
        #expect(request.cursor == "a+b c")
        #expect(request.hasHydrate && !request.hydrate)
        #expect(request.order == .ranked)
    }

    @Test func whatIsNotGivenIsNotSet() throws {
        let request = try fixture.bind(Starling_V1_FeedRequest.self, "GET", "/v1/feed?")
        #expect(request == Starling_V1_FeedRequest())
        #expect(!request.hasHydrate && !request.hasLimit)
    }

    @Test(arguments: ["ids=1,2,3", "ids=1&ids=2,3", "ids=1%2C2&ids=3", "ids=1&&ids=2&ids=&ids=3&"])
    func listsInBothForms(query: String) throws {
        let request = try fixture.bind(Starling_V1_GetPostsRequest.self, "GET", "/v1/posts?\(query)")
        #expect(request.ids == [1, 2, 3])
    }

    @Test(arguments: ["", "?", "?ids=", "?ids"])
    func emptyList(query: String) throws {
        let request = try fixture.bind(Starling_V1_GetPostsRequest.self, "GET", "/v1/posts\(query)")
        #expect(request.ids == [])
    }

    @Test func listOfTheGreatestLength() throws {
        let ids = (1...500).map(String.init).joined(separator: ",")
        #expect(try fixture.bind(Starling_V1_GetPostsRequest.self, "GET", "/v1/posts?ids=\(ids)").ids.count == 500)
        let error = fixture.failure(Starling_V1_GetPostsRequest.self, "GET", "/v1/posts?ids=\(ids)&ids=501")
        #expect(error == BindingError(.outOfRange, field: "ids", message: "holds more than 500 items"))
    }

    @Test(arguments: [
        ("ids=1,x", "ids[1]", BindingError.Reason.wrongType), ("ids=1,,2", "ids[1]", .wrongType),
        ("ids=-1", "ids[0]", .outOfRange), ("ids=18446744073709551616", "ids[0]", .outOfRange),
        ("ids=%2", "ids", .malformedEncoding), ("i%=1", "", .malformedEncoding), ("other=1", "other", .unknownField),
        ("Ids=1", "Ids", .unknownField), ("ids=%ff", "ids", .malformedEncoding),
    ])
    func brokenList(query: String, field: String, reason: BindingError.Reason) {
        let error = fixture.failure(Starling_V1_GetPostsRequest.self, "GET", "/v1/posts?\(query)")
        #expect(error?.field == field)
        #expect(error?.reason == reason)
    }

    @Test(arguments: [
        ("limit=x", "limit", BindingError.Reason.wrongType), ("limit=4294967296", "limit", .outOfRange),
        ("limit=1.0", "limit", .wrongType), ("limit=01", "limit", .wrongType), ("limit=+1", "limit", .wrongType),
        ("limit=", "limit", .wrongType), ("limit=1&limit=1", "limit", .duplicate), ("hydrate=1", "hydrate", .wrongType),
        ("hydrate=True", "hydrate", .wrongType), ("order=recent", "order", .outOfRange),
        ("order=7", "order", .outOfRange), ("userId=1", "userId", .unknownField),
        ("user_id=1", "user_id", .unknownField),
    ])
    func brokenParameter(query: String, field: String, reason: BindingError.Reason) {
        let error = fixture.failure(Starling_V1_FeedRequest.self, "GET", "/v1/users/1/feed?\(query)")
        #expect(error?.field == field)
        #expect(error?.reason == reason)
    }

    @Test func messagesSayWhatIsExpected() {
        #expect(
            fixture.failure(Starling_V1_FeedRequest.self, "GET", "/v1/feed?order=x")?.description
                == "order: must be one of RECENT, RANKED")
        #expect(
            fixture.failure(Starling_V1_FeedRequest.self, "GET", "/v1/feed?limit=-1")?.description
                == "limit: must be an integer from 0 to 4294967295")
        #expect(
            fixture.failure(Starling_V1_FeedRequest.self, "GET", "/v1/feed?color=red")?.description
                == "color: is not a query parameter of Feed")
        #expect(
            fixture.failure(Starling_V1_GetUserRequest.self, "GET", "/v1/users/ann")?.description
                == "userId: must be an integer from 0 to 18446744073709551615")
    }

    @Test(arguments: ["007", "-1", "1e3", "0x10", "1 ", "18446744073709551616", "１"])
    func pathVariableThatIsNoId(text: String) {
        let encoded = text == "1 " ? "1%20" : text
        #expect(fixture.failure(Starling_V1_GetUserRequest.self, "GET", "/v1/users/\(encoded)")?.field == "userId")
    }

    @Test func tooManyParameters() {
        let query = String(repeating: "ids=1&", count: 1025)
        let error = fixture.failure(Starling_V1_GetPostsRequest.self, "GET", "/v1/posts?\(query)")
        #expect(error?.reason == .outOfRange)
    }

    @Test func bodyWhereNoneIsExpected() throws {
        let path = "/v1/posts/1"
        _ = try fixture.bind(Starling_V1_DeletePostRequest.self, "DELETE", path, body: " { } \r\n")
        let error = fixture.failure(Starling_V1_DeletePostRequest.self, "DELETE", path, body: #"{"postId":"2"}"#)
        #expect(error?.reason == .unexpectedBody)
        #expect(fixture.failure(Starling_V1_DeletePostRequest.self, "DELETE", path, body: "}{")?.field == "")
    }

    @Test func queryWhereThereIsABody() {
        let error = fixture.failure(Starling_V1_CreatePostRequest.self, "POST", "/v1/posts?text=a", body: "{}")
        #expect(error?.reason == .unknownField)
        #expect(error?.field == "text")
    }
}
