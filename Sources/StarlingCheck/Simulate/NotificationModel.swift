import StarlingEngine

/// What notifications are by definition: of each kind, actor and subject the newest, as many as are kept, without those whose
/// cause was gone before they were read.
struct NotificationModel {
    struct Notification: Equatable {
        /// The record that it comes of.
        var number: UInt64
        var kind: NotificationKind
        var actor: UInt64
        /// The record that made the post or comment that it is about, or 0.
        var subject: UInt64
        var milliseconds: UInt64
    }

    let limit: Int
    /// By account, oldest first.
    private(set) var lists: [UInt64: [Notification]] = [:]
    /// By account: up to which number everything was read.
    var marks: [UInt64: UInt64] = [:]

    init(limit: Int) { self.limit = limit }

    mutating func add(_ new: Notification, to user: UInt64) {
        var list = lists[user] ?? []
        list.removeAll { $0.kind == new.kind && $0.actor == new.actor && $0.subject == new.subject }
        list.append(new)
        lists[user] = Array(list.suffix(limit))
    }

    mutating func takeBack(_ kind: NotificationKind, by actor: UInt64, about subject: UInt64, from user: UInt64) {
        let mark = marks[user] ?? 0
        lists[user]?.removeAll {
            $0.kind == kind && $0.actor == actor && $0.subject == subject && $0.number > mark
        }
    }
}
