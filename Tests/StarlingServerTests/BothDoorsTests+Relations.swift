import StarlingEngine
import StarlingSchema
import SwiftProtobuf

@testable import StarlingServer

/// Requests to follow, blocks and mutes at both doors.
extension BothDoorsTests {
    static func relationReads() -> [any ReadCase] {
        [
            Read(
                operation: "Relationship",
                request: Starling_V1_RelationshipRequest.with { ($0.userID, $0.targetID) = (1, 5) },
                answer: Starling_V1_RelationshipResponse.self),
            Read(
                operation: "FollowRequests",
                request: Starling_V1_FollowRequestsRequest.with {
                    $0.userID = 8
                    $0.limit = 1
                }, answer: Starling_V1_FollowRequestsResponse.self, actor: 8),
            Read(
                operation: "Blocks", request: Starling_V1_BlocksRequest.with { $0.userID = 1 },
                answer: Starling_V1_BlocksResponse.self),
            Read(
                operation: "Mutes",
                request: Starling_V1_MutesRequest.with {
                    $0.userID = 1
                    $0.limit = 1
                }, answer: Starling_V1_MutesResponse.self),
        ]
    }

    static func relationWrites() -> [any WriteCase] {
        [
            Write(
                operation: "AcceptFollowRequest",
                request: { user in
                    Starling_V1_AcceptFollowRequestRequest.with { ($0.userID, $0.requesterID) = (user, 7) }
                },
                answer: Starling_V1_AcceptFollowRequestResponse.self, masked: { answer, _ in answer.without(\.lsn) },
                prepare: { engine, user in try await engine.request(by: 7, to: user) }),
            Write(
                operation: "RejectFollowRequest",
                request: { user in
                    Starling_V1_RejectFollowRequestRequest.with { ($0.userID, $0.requesterID) = (user, 7) }
                },
                answer: Starling_V1_RejectFollowRequestResponse.self, masked: { answer, _ in answer.without(\.lsn) },
                prepare: { engine, user in try await engine.request(by: 7, to: user) }),
            Write(
                operation: "Block",
                request: { user in Starling_V1_BlockRequest.with { ($0.userID, $0.targetID) = (user, 2) } },
                answer: Starling_V1_BlockResponse.self, masked: { answer, _ in answer.without(\.lsn) }),
            Write(
                operation: "Unblock",
                request: { user in Starling_V1_UnblockRequest.with { ($0.userID, $0.targetID) = (user, 2) } },
                answer: Starling_V1_UnblockResponse.self, masked: { answer, _ in answer.without(\.lsn) }),
            Write(
                operation: "Mute",
                request: { user in
                    Starling_V1_MuteRequest.with {
                        ($0.userID, $0.targetID) = (user, 2)
                        $0.expiresAt = .init(seconds: 4_000_000_000, nanos: 1)
                    }
                },
                answer: Starling_V1_MuteResponse.self, masked: { answer, _ in answer.without(\.lsn) }),
            Write(
                operation: "Unmute",
                request: { user in Starling_V1_UnmuteRequest.with { ($0.userID, $0.targetID) = (user, 2) } },
                answer: Starling_V1_UnmuteResponse.self, masked: { answer, _ in answer.without(\.lsn) }),
        ]
    }

    /// Users 4 to 8 among themselves and with user 1, so that every list has two entries and every flag is set for someone.
    func addRelations(_ daemon: TestDaemon, _ tcp: TCPDoor) async throws {
        for requester in [4, 5] as [UInt64] { try await daemon.daemon.engine.request(by: requester, to: 8) }
        for target in [5, 6] as [UInt64] {
            _ = try await tcp.call(
                "Block", Starling_V1_BlockRequest.with { ($0.userID, $0.targetID) = (1, target) },
                answer: Starling_V1_BlockResponse.self
            ).success()
            let mute = Starling_V1_MuteRequest.with {
                ($0.userID, $0.targetID) = (1, target)
                if target == 5 { $0.expiresAt = .init(seconds: 4_000_000_000) }
            }
            _ = try await tcp.call("Mute", mute, answer: Starling_V1_MuteResponse.self).success()
        }
    }
}

extension Engine {
    /// Makes an account private and lets somebody ask to follow it.
    func request(by requester: UInt64, to account: UInt64) async throws {
        try await write(.setAccountPrivacy(true), as: account)
        try await write(.follow(UserID(rawValue: account)), as: requester)
    }

    func write(_ command: Command, as actor: UInt64) async throws {
        _ = try await withCheckedThrowingContinuation { continuation in
            submit(command, WriteContext(actor: UserID(rawValue: actor))) {
                continuation.resume(with: $0.mapError { $0 as any Error })
            }
        }
    }
}
