import NIOCore
import StarlingSchema
import StarlingSystem

/// Asks a daemon, after a crash, for everything that clients were told and for everything that its log stands for.
struct CrashVerification {
    let daemon: DaemonProcess
    let data: String
    let group: any EventLoopGroup
    var random: SeededRandom
    var evidence = CrashEvidence()

    /// How long all of it may take.
    private static let deadline = TimeAmount.seconds(60)

    /// What was known before, and what must still hold.
    struct Before: Sendable {
        var log: FoldedLog
        /// Records up to here were on the disk, as far as the crash is concerned.
        var anchor: UInt64
        /// Whether the power was cut: then only what was answered with durability `disk` must be there.
        var isPowerLoss: Bool
        /// Whether what is behind the anchor may be lost: the power was cut, and the daemon's own level is `os`.
        var mayLose: Bool
        var entries: CrashLedger.Entries
        /// Writes with keys that were answered some time ago.
        var keyed: [CheckedWrite]
    }

    /// Throws a `Violation`, or returns what the log holds now.
    mutating func run(_ before: Before) async throws -> FoldedLog {
        let watchdog = group.next().scheduleTask(in: Self.deadline) { [daemon] in daemon.child.send(9) }
        defer { watchdog.cancel() }
        do {
            let tcp = try await TCPDoor(port: daemon.tcp, group: group)
            let http = try await HTTPDoor(port: daemon.http, group: group)
            let admin = try await HTTPDoor(port: daemon.admin, group: group)
            var log = try await survivors(before, admin)
            let retries = retries(before)
            let answers = try await repeated(retries, log, tcp, http)
            try await refuseOtherRequest(before.keyed, log, http)
            let quiet = try await admin.call(FeedReading.quiesce)
            log = try await LogFolding.fold(data, after: log).log
            try check(answers, log)
            try compare(quiet, log)
            try await compareUsers(log, tcp)
            try await compareBodies(log, http)
            try await compareFeeds(log, tcp, http)
            if !before.mayLose { try await followCursors(before.entries.cursors, log, tcp) }
            await tcp.close()
            await http.close()
            await admin.close()
            return log
        } catch let failure as DoorFailure {
            throw Violation("the daemon did not answer as it should after the crash: \(failure)")
        }
    }

    /// The log as it came out of the crash, after everything acknowledged was found in it.
    private mutating func survivors(_ before: Before, _ admin: HTTPDoor) async throws -> FoldedLog {
        let quiet = try await admin.call(FeedReading.quiesce)
        let folded = try await LogFolding.fold(data, after: before.log)
        let log = folded.log
        guard quiet.lsn == log.lastLSN else {
            throw Violation("the daemon has applied \(quiet.lsn), but its log ends at \(log.lastLSN)")
        }
        try check(before, log)
        guard folded.kept >= before.anchor else {
            throw Violation("records \(folded.kept + 1)...\(before.anchor) were on the disk, and are gone or changed")
        }
        return log
    }

    private mutating func check(_ before: Before, _ log: FoldedLog) throws {
        let entries = before.entries
        evidence.add(.unanswered, entries.unknown.count)
        evidence.add(.pages, entries.pages)
        if let violation = entries.violation { throw violation }
        let check = AnswerCheck(log: log)
        let level = Starling_V1_Durability(level: daemon.level)
        var lost: [String] = []
        for (write, answer) in entries.acknowledged {
            evidence.add(.acknowledged)
            let asked = write.durability == .unspecified ? level : write.durability
            guard answer.durability.covers(asked) else {
                throw Violation("\(write) was answered at durability \(answer.durability); \(asked) was asked for")
            }
            guard let problem = check.problem(write, answer) else { continue }
            let promised = answer.durability.covers(before.isPowerLoss ? .disk : .os)
            if !promised, answer.lsn > log.lastLSN {
                evidence.add(answer.durability == .os ? .lostAtOS : .lostAtMemory)
            } else {
                evidence.add(.lost)
                lost.append("\(write) was answered with lsn \(answer.lsn), \(answer.outcome); \(problem)")
            }
        }
        if let first = lost.first {
            let number = "\(lost.count) of \(entries.acknowledged.count) acknowledged writes"
            throw Violation("\(number) are lost or changed; the first: \(first)")
        }
        let late = entries.late.filter { $0.answer.durability == .disk && check.problem($0.write, $0.answer) != nil }
        evidence.add(.lostLate, late.count)
        try checkRefused(entries, log)
        try checkSeen(entries, before, log)
    }

    /// What was refused has not happened.
    private mutating func checkRefused(_ entries: CrashLedger.Entries, _ log: FoldedLog) throws {
        // One that was sent twice may have been refused once.
        let sent = entries.acknowledged.map(\.write) + entries.unknown + entries.late.map(\.write)
        let other = Set(sent.flatMap(\.texts))
        for (write, code) in entries.refused {
            for text in write.texts where !other.contains(text) {
                evidence.add(.refused)
                if log.placeOfText[text] != nil {
                    throw Violation("\(write) was refused with \(code), and is in the log all the same")
                }
            }
        }
    }

    /// What a reader has seen is there.
    private mutating func checkSeen(_ entries: CrashLedger.Entries, _ before: Before, _ log: FoldedLog) throws {
        evidence.add(.seen, entries.seen.count)
        if before.mayLose { return }
        if let post = entries.seen.first(where: { log.post($0) == nil }) {
            throw Violation("post \(post) was read before the crash, and is not in the log")
        }
    }

    /// Everything without an answer, as far as it has a key, and some that had one.
    private mutating func retries(_ before: Before) -> [CheckedWrite] {
        let unsure = before.entries.unknown + before.entries.late.map(\.write)
        let open = unsure.filter { $0.key != nil }.shuffled(using: &random).prefix(24)
        return Array(open) + before.keyed.shuffled(using: &random).prefix(6)
    }

    /// Repeats writes over both doors at once; every one must be answered as done.
    private mutating func repeated(
        _ writes: [CheckedWrite], _ log: FoldedLog, _ tcp: TCPDoor, _ http: HTTPDoor
    ) async throws -> [(CheckedWrite, CheckedWrite.Acknowledgement)] {
        var answers: [(CheckedWrite, CheckedWrite.Acknowledgement)] = []
        for write in writes {
            async let first = write.send(to: tcp)
            async let second = write.send(to: http)
            do {
                answers += try await [(write, first), (write, second)]
            } catch {
                // Its post may have been lost with the power, where that is allowed.
                if case .delete(let id) = write.kind, log.post(id) == nil, let failure = error as? DoorFailure,
                    case .refused(404, _, _) = failure
                {
                    continue
                }
                throw Violation("\(write), repeated with its key after the crash, was not answered as done: \(error)")
            }
            evidence.add(.retried)
        }
        return answers
    }

    private mutating func check(_ answers: [(CheckedWrite, CheckedWrite.Acknowledgement)], _ log: FoldedLog) throws {
        let check = AnswerCheck(log: log)
        for (write, answer) in answers {
            if let problem = check.problem(write, answer) {
                evidence.add(.duplicates)
                throw Violation("\(write), repeated with its key, was answered with \(answer); \(problem)")
            }
        }
    }

    /// The key of one request does not serve another.
    private mutating func refuseOtherRequest(
        _ keyed: [CheckedWrite], _ log: FoldedLog, _ http: HTTPDoor
    ) async throws {
        let posts = keyed.filter { write in
            guard case .post = write.kind, let key = write.key else { return false }
            return log.lsnOfKey[FoldedLog.Key(actor: write.actor, text: key)] != nil
        }
        guard var write = posts.randomElement(using: &random) else { return }
        write.kind = .post(text: "another text under a used key", followersOnly: false)
        do {
            let answer = try await write.send(to: http)
            throw Violation("another request with the used key \(write.key ?? "") was accepted: \(answer)")
        } catch let failure as DoorFailure {
            if case .refused(422, _, _) = failure { return }
            throw Violation("another request with the used key \(write.key ?? "") was answered with \(failure)")
        }
    }
}
