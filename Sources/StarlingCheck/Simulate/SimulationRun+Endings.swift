import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSystem

/// How an engine's life ends.
enum Ending {
    case clean
    case kill
    case powerCut(CrashMode)
}

extension SimulationRun {
    /// Ends the engine, opens it again, and checks what is left. With `isCalm`, nothing more goes wrong meanwhile.
    func restart(_ ending: Ending, isCalm: Bool = false) throws(InvariantViolation) {
        say("\(ending)")
        try end(ending)
        if plan.workersChange, chance(60) {
            let workers = chance(90) ? number(1...3) : number(4...9)
            if workers != configuration.workers { totals.reached(.workersChanged) }
            configuration.workers = workers
        }
        changeCapacity()
        // A log that does not begin with its first record cannot be opened without.
        let mustLoad = Self.isLogCut(on: disk)
        configuration.snapshots.isEnabled = plan.configuration.snapshots.isEnabled && (mustLoad || !chance(8))
        if has(.damage), !isCalm, chance(20) { try loseSnapshots() }
        try recover(isCalm: isCalm)
    }

    /// Another machine, or nothing measured yet, or the rule turned off.
    private func changeCapacity() {
        guard plan.configuration.celebrityCostShare > 0, chance(40) else { return }
        configuration.celebrityCostShare = chance(85) ? plan.configuration.celebrityCostShare : 0
        configuration.deliveriesPerSecond = chance(75) ? UInt64(number(1...10)) : nil
    }

    private func end(_ ending: Ending) throws(InvariantViolation) {
        let engine = running()
        try noteSnapshots()
        snapshotWorkers = configuration.workers
        switch ending {
        case .clean: try closeCleanly(engine)
        case .kill, .powerCut: engine.closeAfterCrash()
        }
        self.engine = nil
        noteFailedSyncs()
        if hasLostPages { floors.process = min(floors.process, floors.power) }
        if case .powerCut(let mode) = ending {
            disk.crash(mode)
            hasLostPages = false
            totals.powerCuts += 1
            totals.reached(.powerLost)
            floors.process = floors.power
        } else {
            disk.endProcess()
            if hasLostPages { totals.reached(.processEndedAfterFailedSync) }
        }
        if case .kill = ending {
            totals.kills += 1
            totals.reached(.processKilled)
        }
        crashes += 1
        // Nobody is told any more what became of the rest.
        writes = []
        reads = []
        brokenBackups += backups.map(\.directory)
        backups = []
        for place in sessions.indices { sessions[place].isBusy = false }
        isFaulty = false
    }

    private func closeCleanly(_ engine: Engine) throws(InvariantViolation) {
        do {
            try engine.close()
            guard engine.failure == nil, disk.isPowered else { return }
            floors.process = oracle.lastLSN
            floors.power = oracle.lastLSN
            totals.cleanRestarts += 1
            totals.reached(.cleanRestart)
        } catch {
            say("closing failed: \(error)")
            totals.reached(.closingFailed)
            guard isFaulty || isDiskLimited || !disk.isPowered else {
                throw InvariantViolation(.honesty, "closing failed without a fault: \(error)")
            }
        }
    }
}
