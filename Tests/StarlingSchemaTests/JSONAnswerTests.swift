import StarlingSchema
import StarlingSystem
import SwiftProtobuf
import Testing

struct JSONAnswerTests {
    private let answer: JSONAnswer

    init() throws { answer = JSONAnswer(schema: try SharedTable.get().schema) }

    private func json<Answer: Message>(_ message: Answer) -> String {
        String(decoding: answer.encode(message), as: UTF8.self)
    }

    @Test func defaultsArePrintedAndWhatIsNotSetIsAbsent() {
        #expect(
            json(Starling_V1_FollowResponse())
                == #"{"state":"NONE","changed":false,"lsn":"0","durability":"DURABILITY_UNSPECIFIED"}"#)
        #expect(json(Starling_V1_FeedResponse()) == #"{"items":[],"complete":false,"asOfLsn":"0"}"#)
        #expect(json(Starling_V1_FeedItem()) == "{}")
        #expect(json(Starling_V1_Config()) == #"{"values":{},"changed":[]}"#)
        #expect(json(Starling_V1_QuiesceRequest()) == "{}")
        #expect(
            json(Starling_V1_User())
                == #"{"id":"0","username":"","displayName":"","bio":"","pictureUrl":"","private":false,"#
                + #""followerCount":"0","followingCount":"0","postCount":"0"}"#)
        #expect(
            json(Starling_V1_Post())
                == #"{"id":"0","authorId":"0","text":"","kind":"TEXT","visibility":"PUBLIC","state":"PUBLISHED"}"#)
    }

    @Test func optionalFieldThatIsSetToItsDefaultIsPrinted() {
        let page = Starling_V1_UserPostsResponse.with { $0.nextCursor = "" }
        #expect(json(page) == #"{"items":[],"nextCursor":""}"#)
    }

    @Test func answerToAWrite() {
        let response = Starling_V1_CreatePostResponse.with {
            $0.post = .with {
                $0.id = 1 << 62
                $0.text = "a\"b\\c\nd\u{1}é/"
                $0.kind = .video
                $0.mediaURL = "https://example.org/1"
                $0.createdAt = Google_Protobuf_Timestamp(seconds: 1_767_323_045, nanos: 67_000_000)
                $0.counts = Starling_V1_PostCounts()
            }
            $0.lsn = .max
            $0.durability = .disk
        }
        let post =
            #""id":"4611686018427387904","authorId":"0","text":"a\"b\\c\nd\u0001é/","kind":"VIDEO","#
            + #""mediaUrl":"https://example.org/1","visibility":"PUBLIC","createdAt":"2026-01-02T03:04:05.067Z","#
            + #""counts":{"likes":"0","comments":"0","reposts":"0","reactions":{}},"state":"PUBLISHED""#
        #expect(json(response) == #"{"post":{\#(post)},"lsn":"18446744073709551615","durability":"DISK"}"#)
    }

    @Test func numbersOf32BitsAndOfFloatingPoint() {
        let mode = Starling_V1_FanoutModeResponse.with { $0.postsPerDay = 2.5 }
        #expect(json(mode) == #"{"mode":"PUSH","followerCount":"0","postsPerDay":2.5,"reason":""}"#)
        #expect(json(Starling_V1_FanoutModeResponse()).contains(#""postsPerDay":0"#))
        #expect(json(mode.with { $0.postsPerDay = .nan }).contains(#""postsPerDay":"NaN""#))
        #expect(json(mode.with { $0.postsPerDay = -.infinity }).contains(#""postsPerDay":"-Infinity""#))
        #expect(json(Starling_V1_WorkerDigest.with { $0.worker = 3 }).contains(#""worker":3"#))
    }

    @Test func problemDocument() {
        let problem = Starling_V1_Problem.with {
            $0.title = "Bad request"
            $0.status = 400
            $0.accepted = false
            $0.errors = [
                BindingError(.wrongType, field: "limit", message: "must be an integer").fieldError
            ]
        }
        #expect(
            json(problem) == #"{"type":"","title":"Bad request","status":400,"detail":"","code":"","accepted":false,"#
                + #""errors":[{"field":"limit","message":"must be an integer"}]}"#)
    }

    @Test func enumValueOfANewerSchemaIsItsNumber() {
        let response = Starling_V1_FollowResponse.with { $0.state = .UNRECOGNIZED(9) }
        #expect(json(response).hasPrefix(#"{"state":9,"#))
    }

    @Test func mapsAreSortedByKey() {
        let config = Starling_V1_Config.with { $0.values = ["b": "2", "a": "1", "c\"": "3"] }
        #expect(json(config) == #"{"values":{"a":"1","b":"2","c\"":"3"},"changed":[]}"#)
    }

    @Test func listsOfNumbersAndOfMessages() {
        let found = Starling_V1_GetPostsResponse.with {
            $0.items = [Starling_V1_Post(), Starling_V1_Post()]
            $0.missing = [1, 2]
        }
        #expect(json(found).hasSuffix(#"],"missing":["1","2"]}"#))
        #expect(json(found).hasPrefix(#"{"items":[{"id":"0","#))
    }

    @Test func timesOutsideTheCalendarAreMovedToItsEnds() {
        let edge = Starling_V1_FollowEdge.with { $0.since = Google_Protobuf_Timestamp(seconds: .max, nanos: -5) }
        #expect(json(edge) == #"{"userId":"0","since":"9999-12-31T23:59:59Z"}"#)
        let first = Starling_V1_FollowEdge.with { $0.since = Google_Protobuf_Timestamp(seconds: .min, nanos: .max) }
        #expect(json(first) == #"{"userId":"0","since":"0001-01-01T00:00:00.999999999Z"}"#)
    }

    @Test func locationOfANewPost() throws {
        let operation = try #require(try SharedTable.get().operation(named: "CreatePost"))
        let location = try #require(operation.location)
        let response = Starling_V1_CreatePostResponse.with { $0.post = .with { $0.id = .max } }
        #expect(LocationHeader.value(of: location, in: response) == "/v1/posts/18446744073709551615")
        #expect(LocationHeader.value(of: location, in: Starling_V1_CreatePostResponse()) == "/v1/posts/0")
    }

    /// SwiftProtobuf's own JSON reader is the judge: it must read back what was printed.
    @Test(arguments: 0..<60)
    func anotherReaderReadsTheSame(seed: UInt64) throws {
        var messages = RandomMessages(seed: seed)
        let feed = messages.feed()
        #expect(try Starling_V1_FeedResponse(jsonUTF8Bytes: answer.encode(feed)) == feed)
        let config = messages.config()
        #expect(try Starling_V1_Config(jsonUTF8Bytes: answer.encode(config)) == config)
    }
}

extension Message {
    /// A changed copy.
    fileprivate func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}
