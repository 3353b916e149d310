import StarlingSchema

/// Compares what clients were told with what the log says.
struct AnswerCheck {
    let log: FoldedLog

    /// Nil when the record at the answer's position is what the answer says; otherwise what is wrong.
    func problem(_ write: CheckedWrite, _ answer: CheckedWrite.Acknowledgement) -> String? {
        guard answer.lsn <= log.lastLSN else {
            return "its lsn is \(answer.lsn), but the log ends at \(log.lastLSN)"
        }
        switch (write.kind, answer.outcome) {
        case (_, .edge(changed: false)), (_, .deleted(changed: false)): return unchanged(write, answer)
        case (.follow(let target), .edge):
            return expect(write, answer) { if case .followed(let edge) = $0 { edge.targetID == target } else { false } }
        case (.unfollow(let target), .edge):
            return expect(write, answer) {
                if case .unfollowed(let edge) = $0 { edge.targetID == target } else { false }
            }
        case (.post(let text, _), .post(let id)):
            return expect(write, answer) {
                if case .postCreated(let post) = $0 { post.postID == id } else { false }
            } ?? problem(post: id, by: write.actor, text)
        case (.delete(let id), .deleted):
            return expect(write, answer) { if case .postDeleted(let post) = $0 { post.postID == id } else { false } }
        case (.importFollows(let edges), .edges(let rows)): return problem(write, answer, edges, rows)
        case (.importPosts(let wanted), .posts(let ids)):
            guard ids.count == wanted.count else { return "it has \(ids.count) rows" }
            for (row, id) in zip(wanted, ids) {
                guard let id else { return "a row was refused" }
                if let problem = problem(post: id, by: row.author, row.text) { return problem }
            }
            return nil
        default: return "its outcome belongs to another request: \(answer.outcome)"
        }
    }

    private func expect(
        _ write: CheckedWrite, _ answer: CheckedWrite.Acknowledgement,
        _ fits: (Starling_V1_Fact.OneOf_Fact?) -> Bool
    ) -> String? {
        guard let record = log.record(answer.lsn), record.actor == write.actor, record.key == write.key ?? "",
            fits(record.fact)
        else { return "the log holds something else at \(answer.lsn): \(describe(answer.lsn))" }
        return nil
    }

    private func describe(_ lsn: UInt64) -> String {
        guard let record = log.record(lsn), let fact = record.fact else { return "nothing" }
        return "\(fact) by \(record.actor) with key \"\(record.key)\""
    }

    /// A write that changed nothing has a record only when its key has to be kept.
    private func unchanged(_ write: CheckedWrite, _ answer: CheckedWrite.Acknowledgement) -> String? {
        guard let key = write.key else { return nil }
        let stored = log.lsnOfKey[FoldedLog.Key(actor: write.actor, text: key)]
        return stored == answer.lsn ? nil : "its key is stored at \(stored.map { "\($0)" } ?? "no place")"
    }

    private func problem(post id: UInt64, by author: UInt64, _ text: String) -> String? {
        guard let post = log.post(id) else { return "post \(id) is not in the log" }
        guard post.author == author, post.text == text else {
            return "post \(id) is by \(post.author) and says \"\(post.text)\""
        }
        return nil
    }

    private func problem(
        _ write: CheckedWrite, _ answer: CheckedWrite.Acknowledgement, _ edges: [CheckedWrite.Edge], _ rows: [Bool?]
    ) -> String? {
        guard rows.count == edges.count, rows.allSatisfy({ $0 != nil }) else { return "a row was refused" }
        let added = zip(edges, rows).filter { $1 == true }.map(\.0)
        if added.isEmpty, write.key == nil { return nil }
        return expect(write, answer) { fact in
            guard case .followsImported(let record) = fact else { return false }
            return record.users == added.map(\.follower) && record.targets == added.map(\.followee)
        }
    }
}
