import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// What a write of this file answers with.
private protocol ChangeResponse: Message {
    var changed: Bool { get set }
    var lsn: UInt64 { get set }
    var durability: Starling_V1_Durability { get set }
}

extension Starling_V1_AcceptFollowRequestResponse: ChangeResponse {}
extension Starling_V1_RejectFollowRequestResponse: ChangeResponse {}
extension Starling_V1_BlockResponse: ChangeResponse {}
extension Starling_V1_UnblockResponse: ChangeResponse {}
extension Starling_V1_MuteResponse: ChangeResponse {}
extension Starling_V1_UnmuteResponse: ChangeResponse {}

extension OperationSet {
    /// Requests to follow, blocks and mutes: the rest of GraphService.
    func bindRelations(_ bindings: inout Bindings) {
        bindings.bind("Relationship", relationship)
        bindings.bind("FollowRequests", followRequests)
        bindings.bind("AcceptFollowRequest", acceptFollowRequest)
        bindings.bind("RejectFollowRequest", rejectFollowRequest)
        bindings.bind("Block", block)
        bindings.bind("Unblock", unblock)
        bindings.bind("Mute", mute)
        bindings.bind("Unmute", unmute)
        bindings.bind("Blocks", blocks)
        bindings.bind("Mutes", mutes)
    }

    // MARK: Writing

    private func change<Response: ChangeResponse>(
        _ command: Command, by named: UInt64, _ call: Call, _ respond: @escaping Respond<Response>
    ) {
        attempt(respond) { () throws(Problem) in
            let actor = try call.actor(named: named)
            submit(command, call.write(by: actor), respond) { receipt in
                guard case .changed(let changed) = receipt.outcome else {
                    preconditionFailure("it is answered with whether something changed")
                }
                return .with {
                    $0.changed = changed
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    @Sendable
    private func acceptFollowRequest(
        _ request: Starling_V1_AcceptFollowRequestRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_AcceptFollowRequestResponse>
    ) {
        change(.acceptFollowRequest(UserID(rawValue: request.requesterID)), by: request.userID, call, respond)
    }

    @Sendable
    private func rejectFollowRequest(
        _ request: Starling_V1_RejectFollowRequestRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_RejectFollowRequestResponse>
    ) {
        change(.rejectFollowRequest(UserID(rawValue: request.requesterID)), by: request.userID, call, respond)
    }

    @Sendable
    private func block(
        _ request: Starling_V1_BlockRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_BlockResponse>
    ) {
        change(.block(UserID(rawValue: request.targetID)), by: request.userID, call, respond)
    }

    @Sendable
    private func unblock(
        _ request: Starling_V1_UnblockRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_UnblockResponse>
    ) {
        change(.unblock(UserID(rawValue: request.targetID)), by: request.userID, call, respond)
    }

    @Sendable
    private func mute(
        _ request: Starling_V1_MuteRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_MuteResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            var until: UInt32?
            if request.hasExpiresAt {
                // Rounded up, so that no mute ends early.
                guard let time = request.expiresAt.milliseconds, let seconds = UInt32(exactly: (time + 999) / 1_000)
                else { throw .invalid("expiresAt", "it must lie in the future, and before 2106") }
                until = seconds
            }
            change(.mute(UserID(rawValue: request.targetID), until: until), by: request.userID, call, respond)
        }
    }

    @Sendable
    private func unmute(
        _ request: Starling_V1_UnmuteRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_UnmuteResponse>
    ) {
        change(.unmute(UserID(rawValue: request.targetID)), by: request.userID, call, respond)
    }

    // MARK: Reading

    @Sendable
    private func relationship(
        _ request: Starling_V1_RelationshipRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_RelationshipResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let user = try reader(request.userID, call)
            engine.relationship(
                of: user, to: UserID(rawValue: request.targetID), minimumLSN: call.context.minimumLSN,
                completion: reading(respond) { relationship in
                    .with {
                        $0.following = relationship.isFollowing
                        $0.followedBy = relationship.isFollowedBy
                        $0.pending = relationship.isPending
                        $0.blocking = relationship.isBlocking
                        $0.blockedBy = relationship.isBlockedBy
                        $0.muting = relationship.isMuting
                        if let end = relationship.mutedUntilSeconds {
                            $0.mutingUntil = Google_Protobuf_Timestamp(milliseconds: UInt64(end) * 1_000)
                        }
                    }
                })
        }
    }

    @Sendable
    private func followRequests(
        _ request: Starling_V1_FollowRequestsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_FollowRequestsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let list = EdgeList(
                kind: .followRequests, user: try reader(request.userID, call), cursor: request.cursor,
                limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit, read: engine.followRequests)
            answer(list, call, respond) { items, next in
                .with {
                    $0.items = items
                    if let next { $0.nextCursor = next }
                }
            }
        }
    }

    @Sendable
    private func blocks(
        _ request: Starling_V1_BlocksRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_BlocksResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let list = EdgeList(
                kind: .blocks, user: try reader(request.userID, call), cursor: request.cursor,
                limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit, read: engine.blocks)
            answer(list, call, respond) { items, next in
                .with {
                    $0.items = items
                    if let next { $0.nextCursor = next }
                }
            }
        }
    }

    @Sendable
    private func mutes(
        _ request: Starling_V1_MutesRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_MutesResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let user = try reader(request.userID, call)
            let position = try cursors.position(request.cursor, of: .mutes, owner: user)
            engine.mutes(
                of: user, from: position, limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit,
                minimumLSN: call.context.minimumLSN,
                completion: reading(respond) { [cursors] (page: MutePage) in
                    .with {
                        $0.items = page.entries.map(Self.mutedAccount)
                        if let next = page.next { $0.nextCursor = cursors.cursor(next, of: .mutes, owner: user) }
                    }
                })
        }
    }

    static func mutedAccount(_ entry: MuteEntry) -> Starling_V1_MutedAccount {
        .with {
            $0.userID = entry.user.rawValue
            if let end = entry.untilSeconds {
                $0.expiresAt = Google_Protobuf_Timestamp(milliseconds: UInt64(end) * 1_000)
            }
        }
    }
}
