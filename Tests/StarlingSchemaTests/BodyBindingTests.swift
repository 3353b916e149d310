import StarlingSchema
import SwiftProtobuf
import Testing

struct BodyBindingTests {
    private let fixture: BindingFixture

    init() throws { fixture = try BindingFixture() }

    private func post(_ body: String) throws -> Starling_V1_CreatePostRequest {
        try fixture.bind(Starling_V1_CreatePostRequest.self, "POST", "/v1/posts", body: body)
    }

    private func postFailure(_ body: String) -> BindingError? {
        fixture.failure(Starling_V1_CreatePostRequest.self, "POST", "/v1/posts", body: body)
    }

    @Test func namesInBothCases() throws {
        let camel = try post(#"{"authorId":"1","mediaUrl":"m","replyTo":"7"}"#)
        let snake = try post(#"{"author_id":"1","media_url":"m","reply_to":"7"}"#)
        #expect(camel == snake)
        #expect(camel.authorID == 1 && camel.mediaURL == "m" && camel.replyTo == 7)
    }

    @Test(arguments: ["7", "\"7\"", "7.0", "70e-1", "0.7e1", "\"7e0\"", "7.000", "0.0007E+4"])
    func integersInEverySpelling(number: String) throws {
        #expect(try post("{\"authorId\":\(number)}").authorID == 7)
    }

    @Test(arguments: ["18446744073709551615", "184467440737095516150e-1", "1844674407370955161.5e1"])
    func greatestInteger(number: String) throws {
        #expect(try post("{\"authorId\":\(number)}").authorID == .max)
    }

    @Test(arguments: ["0", "-0", "0.0", "0e999999999999", "\"0\"", "0.000e-5"])
    func zerosInEverySpelling(number: String) throws {
        #expect(try post("{\"replyTo\":\(number)}").hasReplyTo)
        #expect(try post("{\"replyTo\":\(number)}").replyTo == 0)
    }

    @Test(arguments: [
        ("1.5", BindingError.Reason.wrongType), ("true", .wrongType), ("{}", .wrongType), ("[1]", .wrongType),
        ("\"\"", .wrongType), ("\" 1\"", .wrongType), ("\"1\\u0000\"", .wrongType), ("-1", .outOfRange),
        ("18446744073709551616", .outOfRange), ("1e20", .outOfRange), ("1e999999999999999999999", .outOfRange),
        ("1e-999999999999999999999", .wrongType), ("01", .malformedJSON), ("+1", .malformedJSON),
        ("1.", .malformedJSON), (".1", .malformedJSON), ("1e", .malformedJSON),
        ("--1", .malformedJSON), ("NaN", .malformedJSON), ("tru", .malformedJSON), ("'1'", .malformedJSON),
    ])
    func brokenInteger(number: String, reason: BindingError.Reason) {
        let error = postFailure("{\"authorId\":\(number)}")
        #expect(error?.reason == reason)
        #expect(error?.field == "authorId")
    }

    @Test func stringsWithEscapes() throws {
        #expect(try post(#"{"text":"a\n\t\"\\\/\b\f\r\u00e4\ud83d\ude00é😀"}"#).text == "a\n\t\"\\/\u{8}\u{c}\rä😀é😀")
        #expect(try post(#"{"text":"\u0000"}"#).text == "\0")
    }

    @Test(arguments: [
        #""\ud800""#, #""\udc00""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\u12g4""#, #""\x""#, "\"a\nb\"", "\"a",
        "\"\\",
        "\"\\u12",
    ])
    func brokenString(text: String) {
        #expect(postFailure("{\"text\":\(text)}")?.reason == .malformedJSON)
    }

    @Test func stringThatIsNotUTF8() {
        let body = Array("{\"text\":\"".utf8) + [0xc3, 0x28] + Array("\"}".utf8)
        #expect(throws: BindingError.self) {
            try fixture.bind(Starling_V1_CreatePostRequest.self, "POST", "/v1/posts", bytes: body)
        }
    }

    @Test(arguments: ["\"IMAGE\"", "1"])
    func enumsByNameAndNumber(value: String) throws {
        #expect(try post("{\"kind\":\(value)}").kind == .image)
    }

    @Test(arguments: ["\"image\"", "\"\"", "3", "-1", "99999999999", "\"1\""])
    func enumThatIsNot(value: String) {
        let error = postFailure("{\"kind\":\(value)}")
        #expect(error == BindingError(.outOfRange, field: "kind", message: "must be one of TEXT, IMAGE, VIDEO"))
    }

    @Test func nullMeansNotGiven() throws {
        #expect(try post(#"{"text":null,"replyTo":null}"#) == Starling_V1_CreatePostRequest())
        let rows = try fixture.bind(
            Starling_V1_BatchPostsRequest.self, "POST", "/v1/batch/posts", body: #"{"rows":null}"#)
        #expect(rows.rows.isEmpty)
    }

    @Test(arguments: ["", "  \n", "{}", " { } "])
    func emptyBody(body: String) throws {
        #expect(try post(body) == Starling_V1_CreatePostRequest())
    }

    @Test(arguments: [
        ("[]", BindingError.Reason.wrongType), ("\"a\"", .wrongType), ("null", .wrongType), ("{", .malformedJSON),
        ("{}}", .malformedJSON), ("{} {}", .malformedJSON), ("{,}", .malformedJSON), (#"{"text"}"#, .malformedJSON),
        (#"{"text":"a",}"#, .malformedJSON), (#"{"text":}"#, .malformedJSON), (#"{text:"a"}"#, .malformedJSON),
        (#"{"text":"a" "kind":1}"#, .malformedJSON), ("// a\n{}", .malformedJSON), ("\u{feff}{}", .malformedJSON),
        ("\0", .malformedJSON),
    ])
    func brokenBody(body: String, reason: BindingError.Reason) {
        #expect(postFailure(body)?.reason == reason)
    }

    @Test func malformedJSONIsNamedByItsPlace() {
        let error = postFailure(#"{"text":"a","kind" "IMAGE"}"#)
        #expect(error?.description == "kind: ':' after the name of a field is missing at byte 19 of the body")
    }

    @Test func unknownAndRepeatedFields() {
        #expect(
            postFailure(#"{"texts":"a"}"#)
                == BindingError(.unknownField, field: "texts", message: "is not a field of CreatePostRequest"))
        #expect(
            postFailure(#"{"authorId":1,"author_id":1}"#)
                == BindingError(.duplicate, field: "authorId", message: "is given twice"))
    }

    @Test func errorsInsideListsAreNamedByTheirPath() {
        let error = fixture.failure(
            Starling_V1_BatchFollowsRequest.self, "POST", "/v1/batch/follows",
            body: #"{"rows":[{"userId":1,"targetId":2},{"userId":1,"targetId":"x"}]}"#)
        #expect(error?.field == "rows[1].targetId")
        let wrong = fixture.failure(
            Starling_V1_BatchFollowsRequest.self, "POST", "/v1/batch/follows", body: #"{"rows":{"userId":1}}"#)
        #expect(wrong?.description == "rows: must be an array, each element an object")
        let null = fixture.failure(
            Starling_V1_BatchFollowsRequest.self, "POST", "/v1/batch/follows", body: #"{"rows":[null]}"#)
        #expect(null?.description == "rows[0]: must be an object")
    }

    @Test func rowsBeyondTheLimit() throws {
        func body(_ count: Int) -> String {
            #"{"rows":["# + Array(repeating: "{}", count: count).joined(separator: ",") + "]}"
        }
        let path = "/v1/batch/follows"
        let request = try fixture.bind(Starling_V1_BatchFollowsRequest.self, "POST", path, body: body(10_000))
        #expect(request.rows.count == 10_000)
        let error = fixture.failure(Starling_V1_BatchFollowsRequest.self, "POST", path, body: body(10_001))
        #expect(error == BindingError(.outOfRange, field: "rows", message: "holds more than 10000 items"))
    }

    @Test func maps() throws {
        let request = try fixture.bind(
            Starling_V1_UpdateConfigRequest.self, "PATCH", "/admin/config",
            body: #"{"values":{"fanout.threshold":"100","":""}}"#)
        #expect(request.values == ["fanout.threshold": "100", "": ""])
        let twice = fixture.failure(
            Starling_V1_UpdateConfigRequest.self, "PATCH", "/admin/config", body: #"{"values":{"a":"1","a":"2"}}"#)
        #expect(twice?.reason == .duplicate && twice?.field == "values.a")
        let number = fixture.failure(
            Starling_V1_UpdateConfigRequest.self, "PATCH", "/admin/config", body: #"{"values":{"a":1}}"#)
        #expect(number?.description == "values.a: must be a string")
        let list = fixture.failure(
            Starling_V1_UpdateConfigRequest.self, "PATCH", "/admin/config", body: #"{"values":[]}"#)
        #expect(list?.description == "values: must be an object")
    }

    @Test func pathWinsOverBody() throws {
        let request = try fixture.bind(
            Starling_V1_FollowRequest.self, "POST", "/v1/users/2/follow", body: #"{"userId":"1","targetId":"9"}"#)
        #expect(request.userID == 1 && request.targetID == 2)
    }

    @Test func deepNestingIsRefusedBeforeItHurts() {
        let deep = String(repeating: #"{"rows":["#, count: 100_000)
        let error = fixture.failure(Starling_V1_BatchFollowsRequest.self, "POST", "/v1/batch/follows", body: deep)
        #expect(error?.reason == .unknownField)
    }
}
