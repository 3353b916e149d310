import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSystem
import StarlingTopics

extension SimulationRun {
    /// Opens the engine, with crashes and faults on the way, and checks what it has found.
    func recover(isFirst: Bool = false, isCalm: Bool = false) throws(InvariantViolation) {
        var crashesHere = 0
        // Taken only when nothing happens between the picture and the opening that it is compared with.
        var image: SimulatedDisk?
        while true {
            let isDisturbed = !isCalm && crashesHere < 3 && disturbOpening()
            image = nil
            if !isFirst, !isDisturbed, !hasLostPages, has(.damage), chance(30) {
                image = roomyCopy()
            }
            do throws(EngineOpenError) {
                engine = try Engine.open(
                    directory: Self.directory, configuration: configuration,
                    environment: EngineEnvironment(disk: disk, time: time, seed: random.next()), execution: .manual)
                if disk.isPowered { break }
                running().closeAfterCrash()
                engine = nil
            } catch {
                try judgeRefusal(error, isDisturbed: isDisturbed)
            }
            crashesHere += 1
            endOpening()
            if crashesHere == 2 { totals.reached(.secondCrashInRecovery) }
        }
        disk.clearFaults()
        disk.disarmPower()
        noteFailedSyncs()
        disturbancesBefore = disk.disturbances
        isFaulty = false
        totals.recoveries += 1
        try checkRecovery()
        if let image { try checkDamage(of: image) }
    }

    /// Plans that something goes wrong while the engine opens. Returns whether it did.
    private func disturbOpening() -> Bool {
        if has(.crashesInRecovery), chance(35) {
            armedEndIsKill = has(.kills) && (!has(.powerCuts) || chance(50))
            disk.failPower(afterChanges: number(0...14), tearing: armedEndIsKill)
            return true
        }
        if has(.failingCalls), chance(15) {
            let operation = DiskOperation.allCases[number(0...DiskOperation.allCases.count - 1)]
            disk.fail(operation, afterCalls: number(0...3), code: SystemErrorCode.inputOutput)
            return true
        }
        return false
    }

    /// Ends the process that could not open the engine, or did so only to see the power go.
    private func endOpening() {
        noteFailedSyncs()
        if hasLostPages { floors.process = min(floors.process, floors.power) }
        if !disk.isPowered, !armedEndIsKill {
            disk.crash(randomCrashMode())
            hasLostPages = false
            floors.process = floors.power
        } else {
            disk.endProcess()
        }
        totals.crashesInRecovery += 1
        totals.reached(.crashInRecovery)
        crashes += 1
    }

    /// An engine that cannot be opened must have been hindered, and must not call that damage.
    private func judgeRefusal(_ error: EngineOpenError, isDisturbed: Bool) throws(InvariantViolation) {
        say("opening failed: \(error)")
        trace.add(UInt64(error.exitCode))
        if isDiskLimited, error.isOutOfSpace {
            totals.reached(.diskFullAtOpening)
            disk.setCapacity(nil)
            isDiskLimited = false
            return
        }
        guard isDisturbed, ![65, 66].contains(error.exitCode) else {
            throw InvariantViolation(.acknowledgedLoss, "opening was refused (\(error.exitCode)): \(error)")
        }
        guard [70, 73, 74, 75].contains(error.exitCode) else {
            throw InvariantViolation(
                .honesty, "a failing call was taken for something else (\(error.exitCode)): \(error)")
        }
        if disk.isPowered { totals.reached(.faultInRecovery) }
    }

    /// A copy of the disk with all the room it wants.
    func roomyCopy() -> SimulatedDisk {
        let copy = SimulatedDisk(copying: disk, seed: random.next())
        copy.setCapacity(nil)
        return copy
    }

    private func checkRecovery() throws(InvariantViolation) {
        let engine = running()
        let report = engine.recovery.log
        if report.tornTail != nil { totals.reached(.tornTailCut) }
        if report.segments > 1 { totals.reached(.segmentRolled) }
        noteRolledByAge()
        try checkBrokenBackups()
        try checkRetention(logFirst: report.firstLSN)
        noteLoadedSnapshot()
        let survived = try compareLog(on: disk)
        say("recovered \(survived) of \(oracle.lastLSN) records, \(floors.process) had to be there")
        trace.add(survived)
        guard survived >= floors.process else {
            throw InvariantViolation(
                .acknowledgedLoss,
                "records 1 to \(floors.process) were acknowledged or seen; 1 to \(survived) are left")
        }
        guard engine.publishedLSN == survived, report.lastLSN == survived else {
            throw InvariantViolation(
                .equivalence, "the log ends with \(survived), the engine says \(engine.publishedLSN)")
        }
        noteLosses(survived)
        oracle.restart(lastLSN: survived, reservedIDs: engine.recovery.reservedIDMilliseconds)
        oracle.cost = Oracle.CostRule(configuration)
        // Opening has synced everything that it has read.
        floors = Floors(process: survived, power: survived, acknowledged: survived)
        sessions.removeAll { $0.lastPost != .max && $0.lastPost > survived }
        if chance(50) { try checkEverything() } else { try checkStatistics() }
        if chance(12) { try checkReplay() }
    }

    private func noteLosses(_ survived: UInt64) {
        if survived < floors.acknowledged {
            totals.unsyncedAcknowledgementsLost += Int(floors.acknowledged - survived)
            totals.reached(.unsyncedAcknowledgementLost)
        }
        if survived > floors.acknowledged { totals.reached(.unansweredSurvived) }
        guard survived < oracle.lastLSN else { return }
        totals.reached(.unansweredLost)
        let first = oracle.history[Int(survived)].key
        if survived > 0, first.contains("\u{1f}"),
            oracle.history[Int(survived - 1)].key.split(separator: "\u{1f}").first
                == first.split(separator: "\u{1f}").first
        {
            totals.reached(.importCutInTheMiddle)
        }
    }

    func logReader(on disk: SimulatedDisk, in directory: String) throws(LogError) -> LogReader {
        try LogReader(directory: directory, disk: disk)
    }

    /// Compares the log on a disk with what was sequenced. Returns its last record.
    func compareLog(
        on disk: SimulatedDisk, in directory: String = SimulationRun.directory
    ) throws(InvariantViolation) -> UInt64 {
        do {
            let log = try logReader(on: disk, in: directory)
            let last = try oracle.compare(with: log, mayBeginLater: Self.isLogCut(on: disk, in: directory))
            totals.recordsCompared += Int(last + 1 - log.firstLSN)
            return last
        } catch let violation as InvariantViolation {
            throw violation
        } catch {
            throw InvariantViolation(.corruption, "the log cannot be read: \(error)")
        }
    }
}

extension EngineOpenError {
    /// Whether there was no room on the disk.
    var isOutOfSpace: Bool {
        let cause: LogError
        switch self {
        case .log(let error), .topics(.log(_, let error)): cause = error
        case .topics(.disk(let error)): return error.isOutOfSpace
        default: return false
        }
        switch cause {
        case .outOfSpace: return true
        case .cannotCreate(let cause), .writeFailed(let cause), .readFailed(let cause): return cause.isOutOfSpace
        default: return false
        }
    }
}

extension Engine {
    /// Lets go of an engine whose process has ended.
    func closeAfterCrash() {
        do {
            try close(clean: false)
        } catch {
            preconditionFailure("closing without writing cannot fail: \(error)")
        }
    }
}
