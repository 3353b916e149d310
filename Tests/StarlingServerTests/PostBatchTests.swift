import NIOCore
import StarlingEngine
import StarlingSchema
import StarlingTestSupport
import StarlingWire
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Plain posts take a way of their own over TCP: nobody may see which way a request went.
@Suite struct PostBatchTests {
    private static let createPost: UInt16 = 48
    private static let deletePost: UInt16 = 51
    private static let follow: UInt16 = 16

    private struct Answer {
        var opcode: UInt16
        var flags: FrameFlags
        var payload: [UInt8]

        var created: Starling_V1_CreatePostResponse {
            get throws { try Starling_V1_CreatePostResponse(serializedBytes: payload) }
        }
    }

    /// The answers to all requests, sent at once, by their places.
    private static func answers(
        _ connection: WireConnection, _ requests: [(opcode: UInt16, payload: [UInt8])],
        context: Starling_V1_RequestContext? = nil
    ) async throws -> [Answer] {
        var bytes: [UInt8] = []
        for (place, request) in requests.enumerated() {
            bytes += try connection.frame(
                request.opcode, request.payload, correlation: UInt64(place), context: context)
        }
        try await connection.send(bytes)
        var answers = [Answer?](repeating: nil, count: requests.count)
        for _ in requests {
            let frame = try #require(try await connection.answer())
            let place = Int(frame.header.correlation)
            #expect(answers[place] == nil, "one answer for each request")
            answers[place] = Answer(
                opcode: frame.header.opcode, flags: frame.header.flags, payload: Array(buffer: frame.payload))
        }
        return answers.compactMap(\.self)
    }

    private static func post(_ author: UInt64, _ text: String) -> Starling_V1_CreatePostRequest {
        .with {
            $0.authorID = author
            $0.text = text
        }
    }

    /// Requests of every kind, good and bad, once by each way: but for ids, times and lsns the answers are the same.
    @Test func bothWaysAnswerAlike() async throws {
        var requests: [Starling_V1_CreatePostRequest] = []
        for text in ["a", "", "Grüße 🐦", String(repeating: "x", count: 127), String(repeating: "y", count: 8_192)] {
            for kind in Starling_V1_Post.Kind.allCases {
                for visibility in Starling_V1_Post.Visibility.allCases {
                    var request = Self.post(7, text)
                    request.kind = kind
                    request.visibility = visibility
                    requests.append(request)
                }
            }
        }
        requests.append(Self.post(0, "nobody's"))
        requests.append(Self.post(7, String(repeating: "z", count: 8_193)))
        requests.append(Self.post(7, String(repeating: "z", count: 65_537)))
        var media = Self.post(7, "")
        media.mediaURL = "https://example.org/a.png"
        requests.append(media)
        var reply = Self.post(7, "to nothing")
        reply.replyTo = 12
        requests.append(reply)
        var payloads: [[UInt8]] = try requests.map { try $0.serializedBytes() }
        // A text that is no UTF-8, a kind without a name, a length behind the end, an unknown field, a field twice.
        payloads += [
            [0x09, 7, 0, 0, 0, 0, 0, 0, 0, 0x12, 2, 0xc3, 0x28], [0x09, 7, 0, 0, 0, 0, 0, 0, 0, 0x12, 1, 97, 0x18, 9],
            [0x09, 7, 0, 0, 0, 0, 0, 0, 0, 0x12, 90, 97], [0x09, 7, 0, 0, 0, 0, 0, 0, 0, 0x12, 1, 97, 0x78, 1],
            [0x09, 7, 0, 0, 0, 0, 0, 0, 0, 0x12, 1, 97, 0x12, 1, 98], [0x09, 7], [],
        ]
        let calls = payloads.map { (Self.createPost, $0) }
        try await TestDaemon.run { daemon in
            let connection = try await WireConnection.open(daemon)
            let plain = try await Self.answers(connection, calls)
            let others = try await Self.answers(connection, calls, context: Starling_V1_RequestContext())
            for place in calls.indices {
                #expect(plain[place].flags == others[place].flags, "request \(payloads[place].prefix(40))")
                guard plain[place].flags.isEmpty, others[place].flags.isEmpty else {
                    #expect(plain[place].payload == others[place].payload)
                    continue
                }
                let (first, second) = (try plain[place].created, try others[place].created)
                #expect(first.post.text == second.post.text && first.durability == second.durability)
                // As SwiftProtobuf writes it: nothing missing, nothing in another order.
                let again: [UInt8] = try first.serializedBytes()
                #expect(again == plain[place].payload)
                var like = second
                like.post.id = first.post.id
                like.post.createdAt = first.post.createdAt
                like.lsn = first.lsn
                #expect(first == like)
                let http = try daemon.http()
                let shown = try await http.request(
                    "GET", "/v1/posts/\(first.post.id)", ["X-Actor-Id": "7"]
                ).json
                #expect(shown["text"]?.string ?? "" == first.post.text, "\(first.post.text.count) characters")
            }
            #expect(plain.contains { !$0.flags.isEmpty } && plain.contains { $0.flags.isEmpty })
        }
    }

    /// What a connection sends is written in its order, whichever way each request goes.
    @Test func writesStayInOrder() async throws {
        try await TestDaemon.run { daemon in
            let connection = try await WireConnection.open(daemon)
            var calls: [(UInt16, [UInt8])] = []
            for number in 0..<90 as Range<UInt64> {
                switch number % 3 {
                case 0, 1: calls.append((Self.createPost, try Self.post(5, "post \(number)").serializedBytes()))
                default:
                    let edge = Starling_V1_FollowRequest.with {
                        $0.userID = 5
                        $0.targetID = 100 + number
                    }
                    calls.append((Self.follow, try edge.serializedBytes()))
                }
            }
            let answers = try await Self.answers(connection, calls)
            let lsns = try answers.map { answer in
                answer.opcode == Self.follow
                    ? try Starling_V1_FollowResponse(serializedBytes: answer.payload).lsn : try answer.created.lsn
            }
            #expect(lsns.count == 90 && lsns == lsns.sorted() && Set(lsns).count == 90)
        }
    }

    @Test func connectionsAreNotMixedUp() async throws {
        try await TestDaemon.run { daemon in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...12 as ClosedRange<UInt64> {
                    group.addTask {
                        let connection = try await WireConnection.open(daemon)
                        let calls = try (0..<200).map { place in
                            (Self.createPost, try Self.post(number, "\(number)/\(place)").serializedBytes() as [UInt8])
                        }
                        let answers = try await Self.answers(connection, calls)
                        for (place, answer) in answers.enumerated() {
                            let post = try answer.created.post
                            #expect(post.authorID == number && post.text == "\(number)/\(place)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// A post that finds no room is refused by itself.
    @Test func fullTableRefusesTheRest() async throws {
        try await TestDaemon.run(configure: { try $0.set("limits.posts", "5") }) { daemon in
            let connection = try await WireConnection.open(daemon)
            let calls = try (0..<8).map { (Self.createPost, try Self.post(3, "\($0)").serializedBytes() as [UInt8]) }
            let answers = try await Self.answers(connection, calls)
            #expect(answers.map(\.flags.isEmpty) == [true, true, true, true, true, false, false, false])
            let problem = try Starling_V1_Problem(serializedBytes: answers[7].payload)
            #expect(problem.status == 507 && problem.accepted == false)
        }
    }
}
