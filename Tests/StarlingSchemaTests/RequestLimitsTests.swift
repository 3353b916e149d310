import StarlingSchema
import SwiftProtobuf
import Testing

struct RequestLimitsTests {
    private let limits: RequestLimits

    init() throws { limits = RequestLimits(schema: try SharedTable.get().schema) }

    private func failure<Request: Message>(_ request: Request) -> String? {
        do {
            try limits.check(request)
            return nil
        } catch {
            return error.description
        }
    }

    @Test(arguments: [(0, false), (1, true), (200, true), (201, false), (UInt32.max, false)])
    func sizeOfAPage(limit: UInt32, isAllowed: Bool) {
        let error = failure(Starling_V1_FeedRequest.with { $0.limit = limit })
        #expect(error == (isAllowed ? nil : "limit: must be from 1 to 200"))
    }

    @Test func nothingGivenBreaksNothing() {
        #expect(failure(Starling_V1_FeedRequest()) == nil)
        #expect(failure(Starling_V1_CreatePostRequest()) == nil)
        #expect(failure(Starling_V1_QuiesceRequest()) == nil)
    }

    @Test func lengthOfATextIsCountedInBytes() {
        let longest = String(repeating: "ä", count: 32_768)
        #expect(failure(Starling_V1_CreatePostRequest.with { $0.text = longest }) == nil)
        #expect(
            failure(Starling_V1_CreatePostRequest.with { $0.text = longest + "a" })
                == "text: is 65537 bytes long, at most 65536 are allowed")
    }

    @Test func numberOfItems() {
        let ids = [UInt64](repeating: 0, count: 500)
        #expect(failure(Starling_V1_GetPostsRequest.with { $0.ids = ids }) == nil)
        #expect(failure(Starling_V1_GetPostsRequest.with { $0.ids = ids + [0] }) == "ids: holds more than 500 items")
        let rows = [Starling_V1_FollowRow](repeating: .init(), count: 10_001)
        #expect(failure(Starling_V1_BatchFollowsRequest.with { $0.rows = rows }) == "rows: holds more than 10000 items")
    }

    @Test func limitInsideARow() {
        var batch = Starling_V1_BatchPostsRequest()
        batch.rows = [.with { $0.text = "a" }, .with { $0.mediaURL = String(repeating: "m", count: 2049) }]
        #expect(failure(batch) == "rows[1].mediaUrl: is 2049 bytes long, at most 2048 are allowed")
        batch.rows[1].mediaURL.removeLast()
        #expect(failure(batch) == nil)
    }
}
