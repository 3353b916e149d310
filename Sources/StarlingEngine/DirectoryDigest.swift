import StarlingLog
import StarlingMemory
import StarlingSnapshots
import StarlingSystem

/// The digest of the state that a data directory stands for, computed without opening it: nothing is locked, recovered or
/// written, so a daemon may be running. A torn tail counts as cut.
public struct DirectoryDigest: Sendable {
    /// The digest, after the last record that can be read.
    public var digest: EngineDigest
    /// That record.
    public var lsn: UInt64
    /// The last record of the snapshot that was used; 0 for none.
    public var snapshotLSN: UInt64
    /// Snapshots that could not be used, newest first, and why.
    public var rejectedSnapshots: [String]

    /// Loads what a start would: the newest snapshot that is whole, and the log from there on; or all of the log. Throws what
    /// a start would.
    ///
    /// Blocks for as long as a start takes with one thread. `configuration` counts with its workers, cap and memory.
    public static func compute(
        directory: String, disk: any Disk, configuration: EngineConfiguration, time: any TimeSource = SystemTime()
    ) throws(EngineOpenError) -> DirectoryDigest {
        if let problem = configuration.problem { throw .configuration(problem) }
        let run = DirectoryDigestRun(directory: directory, disk: disk, configuration: configuration, time: time)
        do {
            return try run.compute()
        } catch let error as EngineOpenError {
            throw error
        } catch let error as LogError {
            throw .log(error)
        } catch let error as SnapshotError {
            throw .snapshot(error)
        } catch {
            throw .memory("\(error)")
        }
    }
}

private struct DirectoryDigestRun {
    let directory: String
    let disk: any Disk
    let configuration: EngineConfiguration
    let time: any TimeSource

    func compute() throws -> DirectoryDigest {
        let store = SnapshotStore(directory: SnapshotPaths.directory(in: directory), disk: disk)
        let candidates = try store.candidates()
        let reader = try LogReader(directory: directory, disk: disk)
        if let refusal = reader.refusal { throw refusal }
        var expectation = LogExpectation()
        var rejected: [String] = []
        var unreadable: SnapshotError?
        var start: LogFold?
        for candidate in candidates {
            do {
                let manifest = try candidate.manifest.get()
                expectation.adopt(manifest)
                if start != nil { continue }
                start = try LogFold(
                    of: reader, from: manifest, in: store, disk: disk, configuration: configuration, time: time)
                expectation.point = LogPoint(lsn: manifest.lsn, chain: manifest.chain)
            } catch let error as SnapshotError {
                if case .unknownFormat = error { throw error }
                if case .disk = error { unreadable = unreadable ?? error }
                rejected.append("snapshot of record \(candidate.lsn): \(error)")
            }
        }
        if let refusal = LogVerifier.refusal(directory: directory, disk: disk, expecting: expectation) { throw refusal }
        if start == nil, reader.firstLSN > 1 {
            if let unreadable { throw unreadable }
            throw EngineOpenError.noUsableSnapshot(
                logStartsAt: reader.firstLSN, reason: rejected.first ?? "none is there")
        }
        let fold = try start ?? LogFold(of: reader, configuration: configuration, time: time)
        let snapshotLSN = fold.lastLSN
        try fold.advance(to: reader.lastLSN)
        return DirectoryDigest(
            digest: fold.digest(), lsn: fold.lastLSN, snapshotLSN: snapshotLSN, rejectedSnapshots: rejected)
    }
}

extension LogExpectation {
    /// What a manifest tells of the log, whether or not its files are whole. Manifests come newest first.
    mutating func adopt(_ manifest: SnapshotManifest) {
        logID = logID ?? manifest.logID
        durableLSN = max(durableLSN, manifest.lsn)
    }
}
