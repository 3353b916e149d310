import StarlingLog

extension Sequencer {
    /// Makes the posts of a batch, in order. One that is refused does not stop the others; memory is admitted for all of them or for
    /// none, before anything is recorded.
    func createPosts(_ batch: PostBatch, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        guard context.idempotencyKey == nil else {
            throw .invalid(field: "Idempotency-Key", reason: "a batch of plain posts has none; import them instead")
        }
        guard moderation == .off else {
            throw .invalid(
                field: "rows", reason: "a batch of plain posts is not moderated; create or import them instead")
        }
        let rows = batch.rows
        try admit(needOfPosts(rows))
        let start = now
        let lookahead = PostLookahead(state, rows)
        var ahead = lookahead.begin()
        for place in rows.indices {
            lookahead.look(from: place, &ahead)
            do throws(EngineError) {
                let id = try create(rows[place], of: batch, at: max(start, state.milliseconds))
                batch.note(.created(id, lsn: state.lastLSN))
            } catch {
                if case .unknownOutcome = error { throw error }
                batch.note(.refused(error))
            }
        }
        return receipt(.batch(batch))
    }

    private func needOfPosts(_ rows: [PostBatch.Row]) -> MemoryNeed {
        postsByAuthor.removeAll(keepingCapacity: true)
        for row in rows { postsByAuthor[row.author, default: 0] += 1 }
        var need = MemoryNeed()
        for (author, count) in postsByAuthor { need += needOfPosts(count, by: author) }
        return need
    }

    /// Records a post for which there is memory.
    private func create(
        _ row: PostBatch.Row, of batch: PostBatch, at milliseconds: UInt64
    ) throws(EngineError) -> PostID {
        guard state.posts.hasRoom else { throw .full("posts (limits.posts)") }
        try checkNotDeleted(row.author)
        if !state.users.hasRoom(for: 1) { try checkUserRoom(for: [row.author]) }
        try reconsiderFanoutMode(of: row.author)
        let id = state.mint.mint(milliseconds: milliseconds, slot: Slot.of(row.author))
        do {
            let lsn = try append(id, row, of: batch, at: milliseconds)
            try state.applyPost(id, by: row.author, row.visibility, row.kind, lsn: lsn, milliseconds: milliseconds)
        } catch let error as FactError {
            preconditionFailure("a post that was just validated must apply: \(error)")
        } catch {
            throw .unknownOutcome("\(error)")
        }
        return id
    }

    private func append(
        _ id: PostID, _ row: PostBatch.Row, of batch: PostBatch, at milliseconds: UInt64
    ) throws -> UInt64 {
        try withUnsafeTemporaryAllocation(byteCount: PostRecord.maximumBytes, alignment: 8) { output in
            let count = PostRecord.write(id, row, to: output)
            return try batch.bytes.withUnsafeBytes { bytes in
                try log.append(
                    timestamp: milliseconds, key: row.author.rawValue,
                    value: UnsafeRawBufferPointer(rebasing: output[..<count]),
                    body: UnsafeRawBufferPointer(rebasing: bytes[row.body]))
            }
        }
    }
}
