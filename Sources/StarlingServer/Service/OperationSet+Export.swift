import NIOPosix
import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// What an export goes through, in this order. Part of cursors: numbers stay.
    private enum Part: UInt64 {
        case profile = 0
        case following = 1
        case followers = 2
        case posts = 3
        case blocks = 4
        case mutes = 5
        case followRequests = 6
        case comments = 7
        case reactions = 8
        case notifications = 9
    }

    /// Lines on a page.
    private static let exportLimit = 200
    /// A cursor is the part above the position in it.
    private static let partShift: UInt64 = 60

    @Sendable
    func exportUser(
        _ request: Starling_V1_ExportUserRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ExportUserResponse>
    ) {
        attemptLater(respond) { [self] () throws(Problem) in
            let user = try call.actor(named: request.userID)
            let place = try cursors.position(request.cursor, of: .export, owner: user)?.rawValue ?? 0
            let part = Part(rawValue: place >> Self.partShift) ?? .profile
            let rest = place & (1 << Self.partShift - 1)
            let position = rest == 0 ? nil : PagePosition(rawValue: rest)
            let (lines, next) = try await lines(of: part, user, from: position, call)
            let following = Part(rawValue: part.rawValue + 1)
            let end = next.map { part.rawValue << Self.partShift | $0.rawValue }
            let cursor = end ?? following.map { $0.rawValue << Self.partShift }
            let response = Starling_V1_ExportUserResponse.with {
                $0.lines = lines
                if let cursor {
                    $0.nextCursor = cursors.cursor(PagePosition(rawValue: cursor), of: .export, owner: user)
                }
            }
            return Reply(response: response)
        }
    }

    private func lines(
        of part: Part, _ user: UserID, from position: PagePosition?, _ call: Call
    ) async throws(Problem) -> ([String], PagePosition?) {
        let lsn = max(call.context.minimumLSN, engine.publishedLSN)
        switch part {
        case .profile: return ([try await profileLine(user, lsn)], nil)
        case .following:
            let page = try await value {
                engine.following(of: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            return (page.entries.map { Self.edgeLine("following", $0) }, page.next)
        case .followers:
            let page = try await value {
                engine.followers(
                    of: user, viewer: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            return (page.entries.map { Self.edgeLine("follower", $0) }, page.next)
        case .posts:
            let page = try await value {
                engine.posts(
                    of: user, viewer: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            let posts = try await onBodyReaders { [self] in try hydrate(page.entries, page.details, nil) }
            return (posts.map { Self.line("post", $0) }, page.next)
        case .blocks:
            let page = try await value {
                engine.blocks(of: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            return (page.entries.map { Self.edgeLine("block", $0) }, page.next)
        case .mutes:
            let page = try await value {
                engine.mutes(of: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            return (page.entries.map { Self.line("mute", Self.mutedAccount($0)) }, page.next)
        case .followRequests:
            let page = try await value {
                engine.followRequests(
                    of: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            return (page.entries.map { Self.edgeLine("followRequest", $0) }, page.next)
        case .comments:
            let page = try await value {
                engine.comments(by: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            let bodies = try await onBodyReaders { [self] in try readBodies(page.entries.map(\.entry)) }
            let comments = zip(page.entries, bodies).map {
                CommentMessage.make($0.entry, on: $0.post, $0.detail, body: $1)
            }
            return (comments.map { Self.line("comment", $0) }, page.next)
        case .reactions:
            let page = try await value {
                engine.reactions(by: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            return (page.entries.map(Self.reactionLine), page.next)
        case .notifications:
            let page = try await value {
                engine.notifications(
                    of: user, from: position, limit: Self.exportLimit, minimumLSN: lsn, completion: $0)
            }
            let reasons = try await onBodyReaders { [self] in try blockReasons(page.entries) }
            let lines = page.entries.map { entry in
                Self.line("notification", Self.notification(entry, reason: reasons[entry.number]))
            }
            return (lines, page.next)
        }
    }

    /// Runs what reads bodies where that may wait for the disk.
    private func onBodyReaders<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws(Problem) -> Value {
        do {
            return try await bodyReaders.runIfActive(body)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.closed)
        }
    }

    private static func reactionLine(_ reaction: OwnReaction) -> String {
        switch reaction.target {
        case .post(let id):
            line(
                "reaction",
                Starling_V1_ReactRequest.with {
                    $0.postID = id.rawValue
                    $0.kind = reaction.kind.schema
                })
        case .comment(let id):
            line(
                "reaction",
                Starling_V1_ReactToCommentRequest.with {
                    $0.commentID = id.rawValue
                    $0.kind = reaction.kind.schema
                })
        }
    }

    private func value<Value: Sendable>(
        _ start: (@escaping @Sendable (Result<Value, EngineError>) -> Void) -> Void
    ) async throws(Problem) -> Value {
        let result = await withCheckedContinuation { continuation in start { continuation.resume(returning: $0) } }
        do throws(EngineError) { return try result.get() } catch { throw Problem(error) }
    }

    private func profileLine(_ user: UserID, _ lsn: UInt64) async throws(Problem) -> String {
        let account = try await self.user(user, minimumLSN: lsn)
        let record = try await value { engine.findAccount(.id(user), completion: $0) }
        // The address is nobody's business but the owner's, who asks here.
        return Self.line("profile", account, extra: record.map { ("email", $0.email) })
    }

    private static func edgeLine(_ type: String, _ entry: EdgeEntry) -> String {
        let edge = Starling_V1_FollowEdge.with {
            $0.userID = entry.user.rawValue
            $0.since = Google_Protobuf_Timestamp(milliseconds: UInt64(entry.sinceSeconds) * 1_000)
        }
        return line(type, edge)
    }

    /// A message as one line, with its type in front.
    private static func line(_ type: String, _ message: some Message, extra: (String, String)? = nil) -> String {
        var writer = JSONWriter()
        writer.write(raw: "{\"type\":\"\(type)\"")
        if let extra {
            writer.write(raw: ",\"\(extra.0)\":")
            writer.write(string: extra.1)
        }
        let members = GatewayAnswer.json(message).dropFirst()
        writer.write(raw: members.first == UInt8(ascii: "}") ? "" : ",")
        return String(decoding: writer.bytes + members, as: UTF8.self)
    }
}
