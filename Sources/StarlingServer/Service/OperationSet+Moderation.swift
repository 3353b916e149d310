import NIOPosix
import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// ModerationService.
    func bindModeration(_ bindings: inout Bindings) {
        bindings.bind("PendingPosts", pendingPosts)
        bindings.bind("ApprovePost", approvePost)
        bindings.bind("BlockPost", blockPost)
        bindings.bind("GetModerationRules", moderationRules)
        bindings.bind("SetModerationRules", setModerationRules)
    }

    /// Who judges. Without authentication anybody may, and need not say who it is.
    private func moderator(_ call: Call) throws(Problem) -> UserID {
        let actor = call.context.actor ?? UserID(rawValue: 0)
        if settings.isAuthenticated, !settings.isModerator(actor) { throw .notModerator }
        return actor
    }

    /// Cursors of lists that belong to nobody.
    private static let nobody = UserID(rawValue: 0)

    @Sendable
    private func pendingPosts(
        _ request: Starling_V1_PendingPostsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_PendingPostsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            _ = try moderator(call)
            let position = try cursors.position(request.cursor, of: .pendingPosts, owner: Self.nobody)
            engine.pendingPosts(
                from: position, limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit,
                minimumLSN: call.context.minimumLSN,
                completion: readingBodies(respond) { [self] (page: PostPage) throws(Problem) in
                    var items = try hydrate(page.entries, page.details, nil)
                    for (place, detail) in page.details.enumerated() { items[place].version = UInt32(detail.edits) }
                    return .with {
                        $0.items = items
                        if let next = page.next {
                            $0.nextCursor = cursors.cursor(next, of: .pendingPosts, owner: Self.nobody)
                        }
                    }
                })
        }
    }

    @Sendable
    private func approvePost(
        _ request: Starling_V1_ApprovePostRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ModeratedPost>
    ) {
        let judgement = PostJudgement(
            post: PostID(rawValue: request.postID),
            version: request.hasVersion ? UInt16(clamping: request.version) : nil)
        judge(judgement, .approvePost(judgement), as: .published, call, respond)
    }

    @Sendable
    private func blockPost(
        _ request: Starling_V1_BlockPostRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ModeratedPost>
    ) {
        let judgement = PostJudgement(
            post: PostID(rawValue: request.postID),
            version: request.hasVersion ? UInt16(clamping: request.version) : nil)
        judge(judgement, .blockPost(judgement, reason: request.reason), as: .blocked, call, respond)
    }

    /// Submits a judgement, and reads the post once it is visible.
    private func judge(
        _ judgement: PostJudgement, _ command: Command, as state: Starling_V1_Post.State, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ModeratedPost>
    ) {
        attempt(respond) { () throws(Problem) in
            let moderator = try moderator(call)
            engine.submit(command, call.write(by: moderator)) { [self] result in
                switch result {
                case .failure(let error): respond(.failure(Problem(error)))
                case .success(let receipt):
                    engine.moderatedPost(judgement.post, minimumLSN: receipt.lsn) { [self] found in
                        bodyReaders.submit { [self] _ in answer(receipt, found, as: state, respond) }
                    }
                }
            }
        }
    }

    /// The judgement is recorded, whatever becomes of reading the post.
    private func answer(
        _ receipt: WriteReceipt, _ found: Result<ModeratedPostEntry?, EngineError>, as state: Starling_V1_Post.State,
        _ respond: Respond<Starling_V1_ModeratedPost>
    ) {
        guard case .changed(let changed) = receipt.outcome else {
            preconditionFailure("a judgement is answered with whether it changed anything")
        }
        do throws(Problem) {
            var post = Starling_V1_Post()
            switch found {
            case .failure(let error): throw Problem(error)
            case .success(let entry):
                if let entry, let body = try hydrate([entry.entry], [entry.detail], nil).first { post = body }
            }
            // As this request has left it: another one may have come since.
            if post.state != .deleted { post.state = state }
            let response = Starling_V1_ModeratedPost.with {
                $0.post = post
                $0.changed = changed
                $0.lsn = receipt.lsn
                $0.durability = receipt.durability.schema
            }
            respond(.success(Reply(response: response, isReplay: receipt.isReplay)))
        } catch {
            var problem = error
            problem.message.accepted = true
            respond(.failure(problem))
        }
    }

    @Sendable
    private func moderationRules(
        _ request: Starling_V1_GetModerationRulesRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ModerationRules>
    ) {
        attempt(respond) { () throws(Problem) in
            let moderator = try moderator(call)
            submit(.readModerationRules, WriteContext(actor: moderator), respond) { receipt in
                guard case .moderationRules(let rules) = receipt.outcome else {
                    preconditionFailure("a question for the rules is answered with them")
                }
                return .with {
                    $0.words = rules.words
                    $0.patterns = rules.patterns
                }
            }
        }
    }

    @Sendable
    private func setModerationRules(
        _ request: Starling_V1_SetModerationRulesRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_SetModerationRulesResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let moderator = try moderator(call)
            let rules: ModerationRules
            do throws(EngineError) {
                rules = try ModerationRules(words: request.words, patterns: request.patterns)
            } catch {
                throw Problem(error)
            }
            submit(.setModerationRules(rules), call.write(by: moderator), respond) { receipt in
                guard case .changed(let changed) = receipt.outcome else {
                    preconditionFailure("new rules are answered with whether they changed anything")
                }
                return .with {
                    $0.changed = changed
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }
}
