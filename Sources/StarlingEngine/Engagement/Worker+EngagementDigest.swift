import StarlingMemory
import StarlingSets
import StarlingSystem

/// What reactions, comments, counters and notifications add to the digest. Each row of counters counts once, with the worker that
/// owns its author.
extension Worker {
    func addReactions(of reader: Int, user: UInt64, to sum: inout Hash128) {
        reactionSets.forEachBlock(reactions.rows + reader) { entries in
            for entry in entries {
                sum &+= Murmur3.hash(
                    user, UInt64(entry.key), seed: DigestTag.reaction &+ UInt64(entry.value) &<< 8)
            }
        }
    }

    func addNotifications(of reader: Int, user: UInt64, to sum: inout Hash128) {
        let mark = notifications.marks.rows[reader]
        if mark != 0 { sum &+= Murmur3.hash(user, mark, seed: DigestTag.readMark) }
        notifications.sets.forEachBlock(notifications.newest.rows + reader) { entries in
            for entry in entries {
                let row = notifications.row(entry.member)
                let actor = row.actor == NotificationRow.nobody ? 0 : users.id(of: row.actor).rawValue
                let what = Murmur3.hash(
                    actor, UInt64(row.subject) << 8 | UInt64(row.kind.rawValue), seed: row.milliseconds)
                sum &+= Murmur3.hash(user, row.lsn, seed: DigestTag.notification &+ what.low &<< 8)
            }
        }
    }

    func addEngagement(_ place: Int, to sum: inout Hash128) {
        let row = engagements.rows.rows + place
        let ordinal = row.pointee.ordinal
        let content = posts.rows[Int(ordinal)]
        guard reader(content.author) != nil else { return }
        var counts = Hash128.zero
        for lane in 0..<8 { counts &+= Murmur3.hash(UInt64(lane), UInt64(row.pointee.counts.lanes[lane])) }
        sum &+= Murmur3.hash(content.id, counts.low &+ row.pointee.body, seed: DigestTag.engagement)
        reactionSets.forEachBlock(reactors(of: row)) { entries in
            for entry in entries {
                let user = users.id(of: entry.key).rawValue
                sum &+= Murmur3.hash(content.id, user, seed: DigestTag.reactor &+ UInt64(entry.value) &<< 8)
            }
        }
        var comment = row.pointee.newestComment
        while comment != 0 {
            let content = posts.rows[Int(comment)]
            let state = UInt64(comment) << 1 | (isLive(comment) ? 0 : 1)
            sum &+= Murmur3.hash(
                users.id(of: content.author).rawValue, content.id, seed: DigestTag.comment &+ state &<< 8)
            comment = content.previous
        }
    }
}
