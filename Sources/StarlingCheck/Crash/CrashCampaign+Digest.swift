import StarlingSchema
import StarlingSystem

/// The digest of the state must not depend on who folds the log.
extension CrashCampaign {
    /// A copy of the dead daemon's directory, now and then, for a program of its own to fold.
    mutating func copyForDigest() async throws -> String? {
        nextDigest -= 1
        guard nextDigest == 0 else { return nil }
        nextDigest = 4
        let copy = setting.directory + "/copy"
        try await setting.copy(data, to: copy)
        return copy
    }

    mutating func compareDigest(_ copy: String, _ daemon: DaemonProcess) async throws {
        guard PosixDisk().exists(copy + "/log") else { return }
        let expected = try await serving(daemon)
        let alone = try await digest(of: copy)
        try expect(alone, expected, "the data directory, folded by another process with another number of workers")
        // A log that is whole stands for the same state without the snapshots.
        if PosixDisk().exists(copy + "/snapshots"), PosixDisk().exists(copy + "/log/0000000000000001.seg") {
            try await setting.remove(copy + "/snapshots")
            try expect(try await digest(of: copy), expected, "the same without its snapshots")
        }
        try await setting.remove(copy)
    }

    private mutating func expect(_ found: String, _ expected: String, _ what: String) throws {
        guard found == expected else { throw Violation("the daemon's digest is \(expected); \(what) has \(found)") }
        evidence.add(.digests)
    }

    private func serving(_ daemon: DaemonProcess) async throws -> String {
        do {
            let admin = try await HTTPDoor(port: daemon.admin, group: setting.group)
            let state = try await admin.call(FeedReading.stateDigest)
            await admin.close()
            return "\(state.digest) lsn=\(state.workers.map(\.appliedLsn).min() ?? 0)"
        } catch let failure as DoorFailure {
            throw Violation("the daemon does not tell its digest: \(failure)")
        }
    }

    private mutating func digest(of copy: String) async throws -> String {
        let arguments = [
            "digest", copy, "--workers", "\(workers())", "--timeline-cap", "\(DaemonLauncher.timelineCap)",
        ]
        let (ending, output) = try await ChildProcess.run(
            setting.launcher.program, arguments, errors: setting.launcher.errors)
        guard ending == .exit(0) else { throw Violation("digest ended with \(ending)\(lastWords())") }
        return String(output.prefix { $0 != "\n" })
    }
}
