import Glibc

extension CrashCampaign {
    /// One life under load on a volume of its own, the end of the power, and a start after which everything is
    /// compared.
    mutating func powerCut() async throws {
        if daemon == nil { try await startAndVerify() }
        guard let daemon, let volume = setting.volume else { return }
        let load = await load(daemon)
        let early = try await daemon.child.end(within: CrashPlan.moment(&random))
        if Bool.random(using: &random) {
            // A machine stops as a whole: nothing is answered any more, so everything that was answered counts.
            daemon.child.send(SIGSTOP)
            try volume.cutPower()
        } else {
            // For a moment the daemon sees a dead disk. It may end by itself.
            ledger.powerGoes()
            try volume.cutPower()
            _ = try await daemon.child.end(within: Int.random(in: 0...3, using: &random))
        }
        let ending = try await endNow()
        await load.stop()
        guard early == nil, ending == .signal(SIGKILL) || ending == .exit(70) else {
            throw Violation("the daemon ended with \((early ?? ending).map { "\($0)" } ?? "nothing")\(lastWords())")
        }
        try await volume.restorePower()
        losePower()
        if setting.level == "disk" {
            evidence.add(volume.kind == .ext4 ? .powerCutsExt4 : .powerCutsXFS)
        } else {
            evidence.add(.powerCutsAtOS)
        }
        try await startAndVerify()
    }
}
