import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// GraphService.
    func bindGraph(_ bindings: inout Bindings) {
        bindings.bind("Follow", follow)
        bindings.bind("Unfollow", unfollow)
        bindings.bind("Following", following)
        bindings.bind("Followers", followers)
        bindings.bind("FanoutMode", fanoutMode)
        bindings.bind("BatchFollows", batchFollows)
        bindRelations(&bindings)
    }

    @Sendable
    private func follow(
        _ request: Starling_V1_FollowRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_FollowResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let actor = try call.actor(named: request.userID)
            submit(.follow(UserID(rawValue: request.targetID)), call.write(by: actor), respond) { receipt in
                .with {
                    ($0.state, $0.changed) = Self.edge(receipt)
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    @Sendable
    private func unfollow(
        _ request: Starling_V1_UnfollowRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_UnfollowResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let actor = try call.actor(named: request.userID)
            submit(.unfollow(UserID(rawValue: request.targetID)), call.write(by: actor), respond) { receipt in
                .with {
                    ($0.state, $0.changed) = Self.edge(receipt)
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    private static func edge(_ receipt: WriteReceipt) -> (Starling_V1_FollowState, Bool) {
        guard case .follow(let outcome) = receipt.outcome else {
            preconditionFailure("a follow is answered with an edge")
        }
        return (state(outcome), outcome.changed)
    }

    private static func state(_ outcome: FollowOutcome) -> Starling_V1_FollowState {
        switch outcome.state {
        case .none: .none
        case .pending: .pending
        case .following: .following
        }
    }

    @Sendable
    private func batchFollows(
        _ request: Starling_V1_BatchFollowsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_BatchFollowsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            var rows: [NewFollow] = []
            rows.reserveCapacity(request.rows.count)
            for (number, row) in request.rows.enumerated() {
                let follower = try rowActor(row.userID, call, field: "rows[\(number)].userId")
                var since: UInt32?
                if row.hasSince {
                    guard let time = row.since.milliseconds, let seconds = UInt32(exactly: time / 1_000) else {
                        throw .invalid("rows[\(number)].since", "it must lie between 1970 and 2106")
                    }
                    since = seconds
                }
                rows.append(
                    NewFollow(
                        follower: follower, followee: UserID(rawValue: row.targetID), sinceSeconds: since))
            }
            let context = call.write(by: call.context.actor ?? UserID(rawValue: 0))
            submit(.importFollows(rows), context, respond) { receipt in
                guard case .follows(let outcomes) = receipt.outcome else {
                    preconditionFailure("imported follows are answered row by row")
                }
                return .with {
                    $0.results = outcomes.map(Self.followResult)
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    /// The user that a row of a batch acts for: the actor of the request, when there is one, or the row's own.
    func rowActor(_ named: UInt64, _ call: Call, field: String) throws(Problem) -> UserID {
        guard let actor = call.context.actor, settings.isAuthenticated else {
            if named == 0, let actor = call.context.actor { return actor }
            return UserID(rawValue: named)
        }
        if named != 0, named != actor.rawValue { throw .foreignRow(field) }
        return actor
    }

    private static func followResult(_ row: Result<FollowOutcome, EngineError>) -> Starling_V1_FollowResult {
        .with {
            switch row {
            case .success(let outcome):
                $0.state = state(outcome)
                $0.changed = outcome.changed
            case .failure(let error): $0.error = Problem(error).message
            }
        }
    }

    @Sendable
    private func following(
        _ request: Starling_V1_FollowingRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_FollowingResponse>
    ) {
        let list = EdgeList(
            kind: .following, user: UserID(rawValue: request.userID), cursor: request.cursor,
            limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit, read: engine.following)
        answer(list, call, respond) { items, next in
            .with {
                $0.items = items
                if let next { $0.nextCursor = next }
            }
        }
    }

    @Sendable
    private func followers(
        _ request: Starling_V1_FollowersRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_FollowersResponse>
    ) {
        let list = EdgeList(
            kind: .followers, user: UserID(rawValue: request.userID), cursor: request.cursor,
            limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit
        ) { [engine] user, position, limit, lsn, completion in
            engine.followers(
                of: user, viewer: call.context.actor, from: position, limit: limit, minimumLSN: lsn,
                completion: completion)
        }
        answer(list, call, respond) { items, next in
            .with {
                $0.items = items
                if let next { $0.nextCursor = next }
            }
        }
    }

    /// One of a user's lists of accounts, and the engine's way to read a page of it.
    struct EdgeList {
        var kind: CursorSigner.List
        var user: UserID
        var cursor: String
        var limit: Int
        var read:
            (UserID, PagePosition?, Int, UInt64, @escaping @Sendable (Result<EdgePage, EngineError>) -> Void) -> Void
    }

    func answer<Response>(
        _ list: EdgeList, _ call: Call, _ respond: @escaping Respond<Response>,
        _ make: @escaping @Sendable ([Starling_V1_FollowEdge], String?) -> Response
    ) {
        let (kind, user) = (list.kind, list.user)
        attempt(respond) { () throws(Problem) in
            let position = try cursors.position(list.cursor, of: kind, owner: user)
            let completion: @Sendable (Result<EdgePage, EngineError>) -> Void = reading(respond) { [cursors] page in
                make(page.entries.map(Self.edge), page.next.map { cursors.cursor($0, of: kind, owner: user) })
            }
            list.read(user, position, list.limit, call.context.minimumLSN, completion)
        }
    }

    private static func edge(_ entry: EdgeEntry) -> Starling_V1_FollowEdge {
        .with {
            $0.userID = entry.user.rawValue
            $0.since = Google_Protobuf_Timestamp(milliseconds: UInt64(entry.sinceSeconds) * 1_000)
        }
    }

    @Sendable
    private func fanoutMode(
        _ request: Starling_V1_FanoutModeRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_FanoutModeResponse>
    ) {
        let user = UserID(rawValue: request.userID)
        engine.profile(
            of: user, minimumLSN: call.context.minimumLSN,
            completion: reading(respond) { [settings, engine] (profile: Profile?) throws(Problem) in
                guard let profile else { throw Problem(.userNotFound(user)) }
                return .with {
                    $0.mode = profile.isPulled ? .pull : .push
                    $0.followerCount = UInt64(profile.followerCount)
                    $0.postsPerDay = profile.postsPerDay
                    if let change = profile.lastSwitch {
                        $0.since = Google_Protobuf_Timestamp(milliseconds: change.milliseconds)
                    }
                    $0.reason =
                        FanoutModeReason(
                            profile: profile, threshold: settings.celebrityThreshold,
                            deliveriesPerDayLimit: engine.deliveriesPerDayLimit
                        ).text
                }
            })
    }
}
