import StarlingSystem

extension LogWriter {
    /// What a record may take of `reserve`'s bytes.
    public static func reservation(valueBytes: Int, bodyBytes: Int = 0) -> Int {
        valueBytes + bodyBytes + LogLimits.recordOverheadBytes
    }

    /// Makes sure that `bytes` more (sum of `reservation`) can be appended and committed without asking the disk for
    /// space. Call it before the records are appended, so that a full disk refuses them before anything happened.
    ///
    /// Usually it compares two numbers. Near the end of a segment it makes the next one, which takes a sync.
    /// - Throws: `outOfSpace` and `tooMuchPending`: nothing was changed, try again later. `writeFailed`: the next
    ///   segment could not be made for another reason; the log itself is intact.
    public func reserve(bytes: Int) throws(LogError) {
        try checkUsable()
        precondition(bytes >= 0, "a reservation cannot be negative")
        guard bytes <= configuration.maximumPendingBytes - min(pendingBytes, configuration.maximumPendingBytes) else {
            throw .tooMuchPending(bytes: bytes, limit: configuration.maximumPendingBytes - pendingBytes)
        }
        // Each batch costs its headers, the last one too; compression can only make it smaller.
        let batches = (bytes + batch.records.count) / configuration.batchBytes + 2
        // The last term leaves room for markers.
        let total = UInt64(pendingBytes + bytes + batches * LogLimits.batchOverheadBytes + 4 * EnvelopeHeader.size)
        if configuration.segmentMilliseconds > 0 || mustRoll { prepareForAge(total) }
        do {
            if plan.rolls > 1 {
                throw LogError.tooMuchPending(bytes: bytes, limit: 0)
            } else if plan.rolls == 0, !plan.hasRecords || active.position + total <= configuration.segmentBytes {
                // A segment without records takes everything: it cannot roll before it has one.
                try growActive(to: active.position + total)
            } else if plan.rolls == 1 || active.position + total > active.capacity {
                // Batches go into it until one does not fit any more.
                if plan.rolls == 0 { try growActive(to: configuration.segmentBytes) }
                _ = try preparedSpare(capacity: total)
                if let spare, plan.rolls == 1 { plan.limit = max(plan.limit, spare.capacity) }
            }
        } catch let error as DiskError {
            throw error.isOutOfSpace ? .outOfSpace(error) : .writeFailed(error)
        } catch let error as LogError {
            throw error
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    /// Makes the next segment now, in a quiet moment, so that rolling need not wait for it. Throws like `reserve`.
    public func prepareNextSegment() throws(LogError) {
        try checkUsable()
        do {
            _ = try preparedSpare(capacity: configuration.segmentBytes)
        } catch {
            throw error.isOutOfSpace ? .outOfSpace(error) : .writeFailed(error)
        }
    }

    /// Ends the segment with the next batch, however long it is, so that it can be changed (`Log.eraseBodies`). Nothing when it has no
    /// record yet. Throws like `reserve`, and then it goes on.
    public func endSegment() throws(LogError) {
        guard plan.hasRecords, plan.rolls == 0 else { return }
        try prepareNextSegment()
        mustRoll = true
    }

    /// Rolling by age may come with any record, so the next segment is kept ready. When there is no room for it, the
    /// log goes on in the old one.
    private func prepareForAge(_ total: UInt64) {
        guard plan.rolls == 0 else { return }
        isAgingSuspended = (try? preparedSpare(capacity: total)) == nil
    }

    private func growActive(to size: UInt64) throws(DiskError) {
        if size > active.capacity {
            let grown = configuration.preallocation(holding: size, now: active.capacity)
            try active.file.preallocate(grown)
            active.capacity = grown
        }
        plan.limit = max(plan.limit, active.capacity)
    }

    /// The file for the next segment, at least `capacity` bytes large; made when it is not there yet.
    func preparedSpare(capacity: UInt64) throws(DiskError) -> SpareSegment {
        let wanted = max(capacity, configuration.initialSegmentBytes)
        if var ready = spare {
            if ready.capacity < wanted {
                try ready.file.preallocate(wanted)
                try ready.file.sync()
                ready.capacity = wanted
                spare = ready
            }
            return ready
        }
        if let prepared = try store.takeSpare(bytes: wanted, from: preparer) {
            spare = prepared
            return prepared
        }
        let made = SpareSegment(file: try store.makeSpare(bytes: wanted), capacity: wanted)
        spare = made
        return made
    }
}
