import StarlingEngine
import StarlingSimulation

/// A backup that was asked for.
struct PendingBackup {
    let directory: String
    /// The highest record that anybody was told of when it was asked for.
    let answered: UInt64
    let answer: PendingAnswer<BackupReport>
}

/// Backups are taken among the writes, restored elsewhere at once, and compared with the model.
extension SimulationRun {
    private static let restored = "/restored"

    func submitBackup() {
        guard backups.isEmpty else { return }
        nextBackup += 1
        let answer = PendingAnswer<BackupReport>()
        let backup = PendingBackup(
            directory: "/backup-\(nextBackup)", answered: floors.acknowledged, answer: answer)
        backups.append(backup)
        say("a backup to \(backup.directory)")
        running().backup(to: backup.directory) { answer.set($0) }
    }

    /// Checks the backups that have ended.
    func takeBackupAnswers() throws(InvariantViolation) {
        var left: [PendingBackup] = []
        for backup in backups {
            switch backup.answer.result {
            case nil: left.append(backup)
            case .success(let report)?:
                try check(backup, report)
                disk.discard(backup.directory)
            case .failure(let error)?:
                try check(backup, error)
                brokenBackups.append(backup.directory)
            }
        }
        backups = left
    }

    private func check(_ backup: PendingBackup, _ error: EngineError) throws(InvariantViolation) {
        say("no backup: \(error)")
        trace.add("\(error)")
        let isFair =
            switch error {
            case .snapshotFailed, .backupFailed:
                isFaulty || isDiskLimited || running().failure != nil || !configuration.snapshots.isEnabled
            case .closed: running().failure != nil
            default: false
            }
        guard isFair else { throw InvariantViolation(.honesty, "a backup failed without cause: \(error)") }
        totals.reached(.backupFailed)
    }

    /// What was reported is there after a loss of power, and is the state after a record that is not before any write that
    /// was answered before the backup was asked for.
    private func check(_ backup: PendingBackup, _ report: BackupReport) throws(InvariantViolation) {
        trace.add(report.lsn)
        totals.backups += 1
        guard report.lsn >= backup.answered, report.lsn <= oracle.lastLSN else {
            throw InvariantViolation(
                .backups, "a backup ends with record \(report.lsn); \(backup.answered) were answered before it")
        }
        if report.lsn > backup.answered { totals.reached(.backupAmongWrites) }
        let image = copy(of: disk, after: .loseUnsynced)
        let found: BackupReport
        do throws(BackupError) {
            found = try Engine.restore(backup: backup.directory, to: Self.restored, disk: image)
        } catch {
            throw InvariantViolation(.acknowledgedLoss, "a backup that was reported cannot be restored: \(error)")
        }
        guard found == report else {
            throw InvariantViolation(.backups, "a backup was reported as \(report), restored as \(found)")
        }
        let later = copy(of: image, after: .loseUnsynced)
        let engine: Engine
        do throws(EngineOpenError) {
            engine = try open(later, workers: number(1...3), in: Self.restored)
        } catch {
            throw InvariantViolation(.backups, "a backup was restored and cannot be opened: \(error)")
        }
        defer { engine.closeAfterCrash() }
        try checkRestored(report, engine, on: later, "a backup")
        totals.reached(.backupRestored)
        if Self.isLogCut(on: image, in: Self.restored) { totals.reached(.backupOfCutLog) }
        if has(.damage), chance(50) { try checkDamaged(backup, report) }
    }

    private func copy(of disk: SimulatedDisk, after mode: CrashMode) -> SimulatedDisk {
        let copy = SimulatedDisk(copying: disk, seed: random.next(), after: mode)
        copy.setCapacity(nil)
        return copy
    }

    /// Compares what was restored with the model.
    private func checkRestored(
        _ report: BackupReport, _ engine: Engine, on image: SimulatedDisk, _ what: String
    ) throws(InvariantViolation) {
        guard try compareLog(on: image, in: Self.restored) == report.lsn else {
            throw InvariantViolation(.backups, "\(what) of \(report.lsn) records was restored with fewer")
        }
        try compareFeeds(of: engine, at: report.lsn, what)
    }

    private func compareFeeds(of engine: Engine, at lsn: UInt64, _ what: String) throws(InvariantViolation) {
        let model = oracle.model(at: lsn)
        for reader in plan.users {
            let answer = PendingAnswer<PostPage>()
            engine.feed(of: UserID(rawValue: reader), limit: 100) { answer.set($0) }
            while engine.step() {}
            guard case .success(let page)? = answer.result, page.asOfLSN == lsn else {
                throw InvariantViolation(.backups, "\(what): no feed of \(reader): \(answer.result as Any)")
            }
            try comparePage(page, model.feed(reader, limit: 101), 100, "\(what): the feed of \(reader)")
        }
    }

    /// A byte of a backup changes on its shelf: that is found out, or makes no difference.
    private func checkDamaged(_ backup: PendingBackup, _ report: BackupReport) throws(InvariantViolation) {
        let image = copy(of: disk, after: .keepUnsynced)
        let files = image.files.filter { $0.hasPrefix(backup.directory.dropFirst() + "/") }
        guard !files.isEmpty else { return }
        let path = files[number(0...files.count - 1)]
        let byte = number(0...max(0, (image.contents(path)?.count ?? 0) - 1))
        switch number(0...5) {
        case 0: remove(path, from: image)
        case 1: image.truncate(path, to: byte)
        default: image.corrupt(path, byte: byte, bit: number(0...7))
        }
        let what = "a backup with \(path) damaged at \(byte)"
        say(what)
        do throws(BackupError) {
            _ = try Engine.restore(backup: backup.directory, to: Self.restored, disk: image)
        } catch {
            guard [65, 66, 78].contains(error.exitCode) else {
                throw InvariantViolation(.corruption, "\(what): exit code \(error.exitCode): \(error)")
            }
            return totals.reached(.damagedBackupRefused)
        }
        let engine: Engine
        do throws(EngineOpenError) {
            engine = try open(image, workers: number(1...3), in: Self.restored)
        } catch {
            guard [65, 66, 78].contains(error.exitCode) else {
                throw InvariantViolation(.corruption, "\(what): exit code \(error.exitCode): \(error)")
            }
            return totals.reached(.damagedBackupRefused)
        }
        defer { engine.closeAfterCrash() }
        try checkRestored(report, engine, on: image, what)
    }

    /// A backup that was not reported is restored only when it is whole, and else refused as incomplete.
    func checkBrokenBackups() throws(InvariantViolation) {
        for directory in brokenBackups {
            defer { disk.discard(directory) }
            guard disk.exists(directory) else { continue }
            do throws(BackupError) {
                _ = try Engine.restore(backup: directory, to: Self.restored, disk: roomyCopy())
            } catch {
                guard case .incomplete = error else {
                    throw InvariantViolation(.honesty, "an interrupted backup was taken for something else: \(error)")
                }
                totals.reached(.incompleteBackupRefused)
            }
        }
        brokenBackups = []
    }
}
