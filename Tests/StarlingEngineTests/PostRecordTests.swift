import StarlingSchema
import StarlingSystem
import SwiftProtobuf
import Testing

@testable import StarlingEngine

/// Records of plain posts, written without messages.
@Suite struct PostRecordTests {
    @Test func recordAndBodyAreThoseOfTheMessages() throws {
        var random = SeededRandom(seed: 5)
        for length in [1, 2, 100, 127, 128, 300, 8_192] {
            for kind in PostKind.allCases {
                for visibility in PostVisibility.allCases {
                    let text = String(repeating: "é", count: length / 2) + String(repeating: "x", count: length % 2)
                    let (id, author) = (PostID(rawValue: random.next()), UserID(rawValue: random.next() | 1))
                    let batch = PostBatch(capacity: 1)
                    Array(text.utf8).withUnsafeBytes {
                        batch.append(author: author, kind: kind, visibility: visibility, text: $0)
                    }
                    let row = batch.rows[0]
                    let record = withUnsafeTemporaryAllocation(byteCount: PostRecord.maximumBytes, alignment: 8) {
                        Array($0[..<PostRecord.write(id, row, to: $0)])
                    }
                    let fact = Starling_V1_Fact.with {
                        $0.postCreated.postID = id.rawValue
                        $0.postCreated.authorID = author.rawValue
                        $0.postCreated.kind = Starling_V1_Post.Kind(rawValue: Int(kind.rawValue)) ?? .text
                        $0.postCreated.visibility = visibility == .followers ? .followers : .public
                    }
                    #expect(try fact.serializedBytes() == record)
                    let body = Starling_V1_PostBody.with { $0.text = text }
                    #expect(try body.serializedBytes() == Array(batch.bytes[row.body]))
                    #expect(String(decoding: batch.bytes[row.text], as: UTF8.self) == text)
                }
            }
        }
    }

    @Test func batchWithAKeyIsRefused() throws {
        let fixture = try EngineFixture.small()
        let refusal = try fixture.refusal(.createPosts(PostBatch(capacity: 1)), as: 1, key: "k")
        #expect(refusal == "invalid(Idempotency-Key)")
    }
}
