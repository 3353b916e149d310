import NIOPosix
import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// Changing what posts and comments say.
extension OperationSet {
    @Sendable
    func editPost(
        _ request: Starling_V1_EditPostRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_EditPostResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            guard request.hasText || request.hasMediaURL else {
                throw .invalid("", "give the new text, the new mediaUrl, or both")
            }
            editPost(request, call.write(by: try call.actor(named: request.authorID)), attempt: 1, respond)
        }
    }

    /// A change begins with the body that there is, because the log holds bodies as a whole. Whoever changes the post in
    /// between makes it begin anew.
    private static let editAttempts = 4

    private func editPost(
        _ request: Starling_V1_EditPostRequest, _ context: WriteContext, attempt number: Int,
        _ respond: @escaping Respond<Starling_V1_EditPostResponse>
    ) {
        let id = PostID(rawValue: request.postID)
        let retry: @Sendable (Result<Reply<Starling_V1_EditPostResponse>, Problem>) -> Void = { [self] result in
            if case .failure(let problem) = result, problem.message.code == Problem.editConflictCode,
                number < Self.editAttempts
            {
                return editPost(request, context, attempt: number + 1, respond)
            }
            respond(result)
        }
        engine.changeablePost(
            id, by: context.actor,
            completion: { [self] result in
                bodyReaders.submit { [self] _ in
                    attempt(retry) { () throws(Problem) in
                        let edit = try makeEdit(request, try Self.value(of: result))
                        changing(.editPost(edit), id, context, retry) { [self] (receipt, content) throws(Problem) in
                            let bodies = try readBodies([content.entry])
                            return .with {
                                $0.post = PostMessage.make(content.entry, content.detail, body: bodies[0])
                                $0.lsn = receipt.lsn
                                $0.durability = receipt.durability.schema
                            }
                        }
                    }
                }
            })
    }

    /// The new body. Without a post only the sequencer knows what to answer: it may have answered this very request before.
    private func makeEdit(
        _ request: Starling_V1_EditPostRequest, _ found: ChangeablePost?
    ) throws(Problem) -> PostEdit {
        var body = try found.flatMap { post throws(Problem) in try readBodies([post.entry])[0] } ?? .nothing
        if request.hasText { body.text = request.text }
        if request.hasMediaURL { body.mediaURL = request.mediaURL }
        return PostEdit(post: PostID(rawValue: request.postID), body: body, edits: found?.edits ?? 0)
    }

    /// Submits a change of a body, and answers, where bodies are read, with what `make` says of it once it is visible.
    func changing<Response>(
        _ command: Command, _ id: PostID, _ context: WriteContext, _ respond: @escaping Respond<Response>,
        _ make: @escaping @Sendable (WriteReceipt, ChangedContent) throws(Problem) -> Response
    ) {
        engine.submit(command, context) { [engine] result in
            switch result {
            case .failure(let error): respond(.failure(Problem(error)))
            case .success(let receipt):
                let answer: @Sendable (Result<ChangedContent?, EngineError>) -> Void = { [bodyReaders] result in
                    bodyReaders.submit { _ in
                        do throws(Problem) {
                            guard let content = try Self.value(of: result) else {
                                preconditionFailure("what was just changed is there")
                            }
                            let response = try make(receipt, content)
                            respond(.success(Reply(response: response, isReplay: receipt.isReplay)))
                        } catch {
                            // The change is made; only its answer could not be.
                            var problem = error
                            problem.message.accepted = true
                            respond(.failure(problem))
                        }
                    }
                }
                engine.changedContent(id, at: receipt.lsn, viewer: context.actor, completion: answer)
            }
        }
    }

    /// Reads bodies from the log; may wait for the disk.
    func readBodies(_ entries: [PostEntry]) throws(Problem) -> [PostBody?] {
        do {
            return try engine.bodies(of: entries)
        } catch {
            throw Problem(error)
        }
    }

    private static func value<Value>(of result: Result<Value, EngineError>) throws(Problem) -> Value {
        switch result {
        case .success(let value): return value
        case .failure(let error): throw Problem(error)
        }
    }
}

extension PostBody {
    /// What a post says whose body is not known.
    fileprivate static var nothing: PostBody {
        PostBody(
            text: "", kind: .text, mediaURL: "", thumbnailURL: "", visibility: .public, replyTo: nil, repostOf: nil)
    }
}
