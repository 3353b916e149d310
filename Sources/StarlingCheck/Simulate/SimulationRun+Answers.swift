import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSystem

extension SimulationRun {
    /// Checks the answers that have come. They come in the order of the commands.
    func takeWriteAnswers() throws(InvariantViolation) {
        var taken = 0
        while taken < writes.count, let result = writes[taken].answer.result {
            try check(writes[taken], result)
            taken += 1
        }
        writes.removeFirst(taken)
        if writes.contains(where: { $0.answer.result != nil }) {
            throw InvariantViolation(.answers, "a command was answered before an earlier one")
        }
    }

    func check(_ write: PendingWrite, _ result: Result<WriteReceipt, EngineError>) throws(InvariantViolation) {
        switch result {
        case .success(let receipt): try check(write.request, receipt)
        case .failure(let error): try check(write.request, error)
        }
    }

    private func check(_ request: WriteRequest, _ error: EngineError) throws(InvariantViolation) {
        trace.add("\(error)")
        if let refusal = Refusal(error) {
            let expected = noteKeysAndRun(request)
            guard expected == .refused(refusal) else {
                throw InvariantViolation(.answers, "\(request) was refused: \(error); expected \(expected)")
            }
            if refusal == .keyReused { totals.reached(.keyConflictRefused) }
            if refusal == .full { totals.reached(.keyTableFull) }
            return
        }
        say("no answer: \(error)")
        let isFair: Bool
        switch error {
        case .outOfSpace:
            isFair = isDiskLimited
            wasRefusedForSpace = true
            totals.fullDiskRefusals += 1
            totals.reached(.diskFullRefused)
        case .overloaded:
            isFair = writes.count >= configuration.writeQueueLimit
            totals.reached(.queueFull)
        case .closed: isFair = running().failure != nil
        case .unknownOutcome:
            isFair = running().failure != nil
            // It was sequenced, so it may be in the log.
            let expected = noteKeysAndRun(request)
            if case .refused = expected {
                throw InvariantViolation(.honesty, "\(request) must be refused, and was answered \(error)")
            }
            totals.unanswered += 1
        default: isFair = false
        }
        guard isFair else { throw InvariantViolation(.honesty, "\(request) was answered without cause: \(error)") }
    }

    private func noteKeysAndRun(_ request: WriteRequest) -> ExpectedAnswer {
        if let text = request.context.idempotencyKey {
            let key = KeyModel.Key(actor: request.context.actor.rawValue, text: text)
            let now = max(oracle.model.milliseconds, time.wallMilliseconds())
            if oracle.model.keys.isExpired(key, now: now) { totals.reached(.keyExpired) }
        }
        return oracle.run(request.command, request.context, wall: time.wallMilliseconds())
    }

    private func check(_ request: WriteRequest, _ receipt: WriteReceipt) throws(InvariantViolation) {
        let expected = noteKeysAndRun(request)
        guard case .accepted(let lsn, let outcome, let isReplay) = expected else {
            throw InvariantViolation(.answers, "\(request) was answered \(receipt); expected \(expected)")
        }
        var receipt = receipt
        receipt.outcome = receipt.outcome.rowByRow
        try learnIDs(receipt, outcome)
        guard receipt.lsn == lsn, receipt.isReplay == isReplay, matches(receipt.outcome, outcome) else {
            let invariant: Invariant = isReplay || receipt.isReplay ? .idempotency : .answers
            throw InvariantViolation(invariant, "\(request) was answered \(receipt); expected \(expected)")
        }
        if isDiskLimited == false, wasRefusedForSpace, oracle.lastLSN == lsn {
            wasRefusedForSpace = false
            totals.reached(.diskFullRecovered)
        }
        noteKey(request, isReplay: isReplay)
        noteJudgement(request, receipt)
        try acknowledge(request, receipt)
        totals.acknowledged += 1
        trace.add(lsn)
        trace.add(receipt.outcome)
    }

    /// Raises what must outlive an end: as far as the answer says, which is as far as was asked for, or further.
    private func acknowledge(_ request: WriteRequest, _ receipt: WriteReceipt) throws(InvariantViolation) {
        let own = configuration.acknowledgement
        let asked = request.context.durability ?? own
        guard receipt.durability >= asked else {
            throw InvariantViolation(.honesty, "\(request) was answered at the level \(receipt.durability)")
        }
        if asked > own { totals.reached(.levelRaised) }
        if asked < own { totals.reached(.levelLowered) }
        floors.acknowledged = max(floors.acknowledged, receipt.lsn)
        if receipt.durability >= .os { floors.process = max(floors.process, receipt.lsn) }
        if receipt.durability == .disk { floors.power = max(floors.power, receipt.lsn) }
    }

    private func noteKey(_ request: WriteRequest, isReplay: Bool) {
        guard let text = request.context.idempotencyKey else { return }
        let key = KeyModel.Key(actor: request.context.actor.rawValue, text: text)
        if isReplay {
            totals.reached(.keyReplayed)
            if let before = keyedAnswers[key] {
                if before < crashes { totals.reached(.keyReplayedAfterCrash) }
            } else {
                totals.reached(.unansweredKeyReplayed)
            }
        }
        keyedAnswers[key] = crashes
    }

    private func learnIDs(_ receipt: WriteReceipt, _ expected: ExpectedOutcome) throws(InvariantViolation) {
        switch (receipt.outcome, expected) {
        case (.post(let id), .post(let lsn)), (.heldPost(let id, _), .post(let lsn)),
            (.comment(let id), .comment(let lsn)):
            try learn(id, lsn)
        case (.posts(let results), .posts(let records)) where results.count == records.count:
            for (result, lsn) in zip(results, records) {
                if case .success(let id) = result, let lsn { try learn(id, lsn) }
            }
        default: break
        }
    }

    /// An id that was answered once stands for that post for ever, also when a crash took the post.
    private func learn(_ id: PostID, _ lsn: UInt64) throws(InvariantViolation) {
        try oracle.learn(id.rawValue, ofPostAt: lsn)
        let words: String
        switch oracle.history[Int(lsn - 1)].change {
        case .posted(let post): words = post.text
        case .commented(let comment): words = comment.text
        default: return
        }
        if let text = answeredIDs[id.rawValue], text != words {
            throw InvariantViolation(.identifiers, "id \(id) was given to another post before")
        }
        answeredIDs[id.rawValue] = words
    }

    private func matches(_ outcome: CommandOutcome, _ expected: ExpectedOutcome) -> Bool {
        switch (outcome, expected) {
        case (.follow(let edge), .follow(let wanted)): return EdgeAnswer(edge) == wanted
        case (.post, .post(let lsn)): return !waited(postAt: lsn)
        case (.heldPost(_, .pending), .post(let lsn)): return waited(postAt: lsn)
        case (.done, .done): return true
        case (.comment, .comment): return true
        case (.deleted(let changed), .deleted(let wanted)), (.changed(let changed), .changed(let wanted)):
            return changed == wanted
        case (.follows(let rows), .follows(let wanted)):
            return rows.map { (try? $0.get()).map { EdgeAnswer($0) } } == wanted
        case (.posts(let rows), .posts(let wanted)):
            return rows.map { (try? $0.get()) != nil } == wanted.map { $0 != nil }
        default: return false
        }
    }

    /// Whether the post was made to wait for a moderator.
    private func waited(postAt lsn: UInt64) -> Bool {
        if case .posted(let post) = oracle.history[Int(lsn - 1)].change { post.waits } else { false }
    }
}
