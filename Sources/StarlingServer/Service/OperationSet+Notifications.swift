import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// NotificationService.
    func bindNotifications(_ bindings: inout Bindings) {
        bindings.bind("Notifications", notifications)
        bindings.bind("MarkRead", markRead)
    }

    @Sendable
    private func notifications(
        _ request: Starling_V1_NotificationsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_NotificationsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let user = try call.actor(named: request.userID)
            let position = try cursors.position(request.cursor, of: .notifications, owner: user)
            engine.notifications(
                of: user, from: position, limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit,
                minimumLSN: call.context.minimumLSN,
                completion: readingBodies(respond) { [self] (page: NotificationPage) throws(Problem) in
                    let reasons = try blockReasons(page.entries)
                    return .with {
                        $0.items = page.entries.map { Self.notification($0, reason: reasons[$0.number]) }
                        if let next = page.next {
                            $0.nextCursor = cursors.cursor(next, of: .notifications, owner: user)
                        }
                        $0.unreadCount = UInt64(page.unreadCount)
                    }
                })
        }
    }

    func blockReasons(_ entries: [NotificationEntry]) throws(Problem) -> [UInt64: String] {
        do { return try engine.blockReasons(of: entries) } catch { throw Problem(error) }
    }

    static func notification(_ entry: NotificationEntry, reason: String?) -> Starling_V1_Notification {
        .with {
            $0.id = entry.number
            $0.kind = Starling_V1_Notification.Kind(rawValue: Int(entry.kind.rawValue)) ?? .follow
            if let actor = entry.actor { $0.actorID = actor.rawValue }
            if let post = entry.post { $0.postID = post.rawValue }
            if let comment = entry.comment { $0.commentID = comment.rawValue }
            $0.createdAt = Google_Protobuf_Timestamp(milliseconds: entry.milliseconds)
            $0.read = entry.isRead
            if let reason, !reason.isEmpty { $0.reason = reason }
        }
    }

    @Sendable
    private func markRead(
        _ request: Starling_V1_MarkReadRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_MarkReadResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let actor = try call.actor(named: request.userID)
            let command = Command.markRead(upTo: request.hasUpTo ? request.upTo : nil)
            submit(command, call.write(by: actor), respond) { receipt in
                guard case .changed(let changed) = receipt.outcome else {
                    preconditionFailure("a read mark is answered with whether it changed anything")
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
