import Glibc
import StarlingSystem

/// A disk that fills up under load: writes are refused with 507, reads go on, and writes go on by themselves when there
/// is space again.
extension CrashCampaign {
    /// Space that is left to the daemon at the beginning.
    private static let headroom: UInt64 = 384 << 10
    /// How long the disk may take to fill, and writes to go on.
    private static let patience = 20_000

    mutating func fillDisk() async throws {
        if daemon == nil { try await startAndVerify() }
        guard let daemon, let volume = setting.volume else { return }
        let filler = volume.mountPoint + "/filler"
        try volume.fill(filler, leaving: Self.headroom)
        let load = await load(daemon)
        try await wait(for: "writes to be refused on a full disk", daemon) {
            $0.refusedCount(code: Self.refusal) >= 100
        }
        try await readAFeed(daemon)
        if Bool.random(using: &random) {
            try await kill(load)
            try await startOnFullDisk()
            try PosixDisk().remove(filler)
        } else {
            try PosixDisk().remove(filler)
            let before = ledger.acknowledgedCount
            try await wait(for: "writes to go on when there is space", daemon) { $0.acknowledgedCount > before + 100 }
            try await kill(load)
        }
        evidence.add(.fullDisks)
        try await startAndVerify()
    }

    private mutating func kill(_ load: CrashLoad) async throws {
        let ending = try await endNow()
        await load.stop()
        guard ending == .signal(SIGKILL) else { throw Violation("the daemon ended by itself\(lastWords())") }
    }

    /// A start may need space for the next segment. Then it says so, and changes nothing.
    private mutating func startOnFullDisk() async throws {
        let start = try await setting.launcher.start(
            data: data, workers: workers(), level: setting.level, faults: faults())
        switch start {
        case .ready(let daemon):
            try await readAFeed(daemon)
            daemon.child.send(SIGKILL)
            _ = try await daemon.child.end(within: Self.endMilliseconds)
        case .ended(.exit(75)): break
        case .ended(let ending): throw Violation("on a full disk a start ended with \(ending)\(lastWords())")
        }
    }

    private static let refusal = "OUT_OF_SPACE"

    private func wait(
        for what: String, _ daemon: DaemonProcess, until condition: (CrashLedger) -> Bool
    ) async throws {
        for _ in 0..<(Self.patience / 10) {
            if condition(ledger) { return }
            if let ending = try await daemon.child.end(within: 10) {
                throw Violation("the daemon ended with \(ending) while waiting for \(what)\(lastWords())")
            }
        }
        throw Violation("waited \(Self.patience / 1_000) s for \(what)\(lastWords())")
    }

    private func readAFeed(_ daemon: DaemonProcess) async throws {
        do {
            let door = try await HTTPDoor(port: daemon.http, group: setting.group)
            _ = try await FeedReading.whole(1, limit: 50, door)
            await door.close()
        } catch let failure as DoorFailure {
            throw Violation("a feed cannot be read while the disk is full: \(failure)")
        }
    }
}
