import StarlingEngine
import StarlingSimulation
import StarlingSystem

extension SimulationRun {
    /// Steps after which an engine that has a turn's commands must have come to rest, whatever goes wrong.
    private static let stepLimit = 200
    /// The same without faults.
    private static let calmStepLimit = 20

    func runTurn() throws(InvariantViolation) {
        moveClock()
        if plan.livenessTurn == turn { return try checkLiveness() }
        prepareFaults()
        for _ in 0..<number(0...plan.workload.burst) { try submitWrite() }
        if chance(UInt64(plan.workload.backups)) { submitBackup() }
        if chance(UInt64(plan.workload.reads)) { submitRead() }
        try settle()
        if chance(10) { try readBodies() }
        if disk.isPowered { try checkBrokenBackups() }
        try endIfDue()
    }

    private func moveClock() {
        switch number(0...9) {
        case 0...3: break
        case 4...7: time.advance(milliseconds: UInt64(number(0...30)))
        default: time.advance(milliseconds: UInt64(number(50...1_500)))
        }
        if plan.hasLongPauses, chance(5) { time.advance(milliseconds: UInt64(number(2_400_000...7_200_000))) }
        guard has(.clockJumps), chance(8) else { return }
        let now = time.wallMilliseconds()
        let isBack = chance(60)
        time.setWall(milliseconds: isBack ? now - UInt64(number(1...7_200_000)) : now + UInt64(number(1...86_400_000)))
        totals.reached(isBack ? .clockBack : .clockAhead)
        say("clock jumps \(isBack ? "back" : "ahead") to \(time.wallMilliseconds())")
    }

    /// Plans what goes wrong in this turn or a later one.
    private func prepareFaults() {
        if has(.fullDisk), chance(isDiskLimited ? 25 : 8) { limitDisk() }
        guard disk.isPowered, !isFaulty else { return }
        if has(.failingCalls), chance(6) {
            let operations: [DiskOperation] = [
                .write, .sync, .rename, .open, .read, .preallocate, .truncate, .syncDirectory,
            ]
            let operation = operations[number(0...operations.count - 1)]
            let calls = number(0...4)
            disk.fail(operation, afterCalls: calls, code: SystemErrorCode.inputOutput)
            isFaulty = true
            say("the \(operation) after \(calls) more will fail")
        } else if has(.powerCuts) || has(.kills), chance(8) {
            armedEndIsKill = has(.kills) && (!has(.powerCuts) || chance(50))
            let changes = number(0...12)
            disk.failPower(afterChanges: changes, tearing: armedEndIsKill)
            isFaulty = true
            say("\(armedEndIsKill ? "the process" : "the power") ends after \(changes) more changes")
        }
    }

    private func limitDisk() {
        isDiskLimited.toggle()
        if isDiskLimited {
            let room = chance(50) ? number(0...2_000) : number(0...150_000)
            disk.setCapacity(disk.usedBytes + UInt64(room))
            say("the disk has \(room) bytes left")
        } else {
            disk.setCapacity(nil)
            say("the disk has space again")
        }
    }

    /// Steps the engine until it has nothing to do, and checks every answer.
    func settle(stepLimit: Int = SimulationRun.stepLimit) throws(InvariantViolation) {
        var steps = 0
        let engine = running()
        while true {
            let worked = engine.step()
            noteFailedSyncs()
            try takeWriteAnswers()
            try takeReadAnswers()
            try takeBackupAnswers()
            if !worked { break }
            steps += 1
            guard steps < stepLimit else {
                throw InvariantViolation(.liveness, "the engine still works after \(steps) steps")
            }
        }
        guard writes.isEmpty else {
            throw InvariantViolation(.liveness, "\(writes.count) commands have no answer, and the engine rests")
        }
        if let failure = engine.failure, !isFaulty {
            throw InvariantViolation(.honesty, "the engine failed without a fault: \(failure)")
        }
    }

    /// A failed sync leaves pages that count as written and are not.
    func noteFailedSyncs() {
        let failed = disk.faultCount(of: .sync)
        guard failed > syncFailuresBefore else { return }
        syncFailuresBefore = failed
        hasLostPages = true
        totals.reached(.syncFailed)
    }

    /// Ends the engine when it has failed, or when it is time to.
    private func endIfDue() throws(InvariantViolation) {
        if !disk.isPowered {
            let ending: Ending = armedEndIsKill ? .kill : .powerCut(randomCrashMode())
            if case .powerCut = ending { totals.reached(.powerLostInCommit) }
            return try restart(ending)
        }
        if running().failure != nil {
            say("the engine has failed: \(running().failure ?? "")")
            if disk.faultCount(of: .write) > 0 { totals.reached(.writeFailed) }
            return try restart(has(.powerCuts) && chance(50) ? .powerCut(randomCrashMode()) : .kill)
        }
        guard chance(7) else { return }
        switch number(0...2) {
        case 0 where has(.kills): try restart(.kill)
        case 1 where has(.powerCuts): try restart(.powerCut(randomCrashMode()))
        case 2: try restart(.clean)
        default: break
        }
    }

    func randomCrashMode() -> CrashMode { CrashMode.allCases[number(0...CrashMode.allCases.count - 1)] }

    /// All faults stop; what waits must be answered, and what is written must be applied, in a few steps.
    func checkLiveness() throws(InvariantViolation) {
        say("all faults stop")
        try stopFaults()
        totals.reached(.livenessReached)
        for _ in 0..<4 { try submitWrite() }
        try settle(stepLimit: Self.calmStepLimit)
        try checkStatistics()
        guard running().failure == nil else {
            throw InvariantViolation(.liveness, "the engine fails without faults: \(running().failure ?? "")")
        }
    }

    /// Heals everything, and opens the engine again when it has failed.
    func stopFaults() throws(InvariantViolation) {
        let hasPower = disk.isPowered
        disk.clearFaults()
        disk.setCapacity(nil)
        isDiskLimited = false
        if !hasPower || running().failure != nil {
            try restart(hasPower || armedEndIsKill ? .kill : .powerCut(.loseUnsynced), isCalm: true)
        } else {
            disk.disarmPower()
            isFaulty = false
        }
    }
}
