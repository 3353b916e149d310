import StarlingLog
import StarlingSnapshots
import StarlingSystem
import StarlingTopics

/// What is wrong with a snapshot.
public enum SnapshotProblem: Equatable, Sendable, CustomStringConvertible {
    /// Its manifest or a file of it is damaged, missing, unreadable, or of an unknown format.
    case unusable(SnapshotError)
    /// It does not go with the log: it is newer than the log's end, older than its beginning, or of another history.
    case contradictsLog(LogError)
    /// The log, folded up to its record, gives another state.
    case otherState(digest: String, ofLog: String)

    /// One line for people.
    public var description: String {
        switch self {
        case .unusable(let error): "\(error)"
        case .contradictsLog(let error): "it does not go with the log: \(error)"
        case .otherState(let digest, let ofLog):
            "its state has the digest \(digest), the log up to there has \(ofLog); unless timeline.cap was changed, remove "
                + "the snapshot, and the next start folds the log"
        }
    }
}

/// What a look at one snapshot found.
public struct SnapshotVerification: Sendable {
    /// How its state was compared.
    public enum StateCheck: Equatable, Sendable {
        /// Not at all: that was not asked for, or something else is wrong with it.
        case none
        /// The log, folded up to its record, has the same digest.
        case likeLog
        /// It has the digest that its manifest says. The log could not be folded up to there, for the reason given.
        case likeManifest(reason: String)
        /// It could not be loaded, for a reason that is not its own.
        case impossible(reason: String)
    }

    /// Its record.
    public var lsn: UInt64
    /// What its manifest says; nil when that cannot be read.
    public var manifest: SnapshotManifest?
    /// What is wrong with it, or nil.
    public var problem: SnapshotProblem?
    /// Whether its state was compared.
    public var state = StateCheck.none
}

/// What a look at a whole data directory found: its log, its snapshots and its topics.
public struct DirectoryVerification: Sendable {
    /// What it comes to.
    public enum Status: String, Sendable {
        /// Nothing is wrong.
        case whole
        /// Snapshots are, and everything that was acknowledged is there all the same.
        case degraded
        /// A start would refuse the directory.
        case damaged
    }

    /// The log.
    public var log: VerificationReport
    /// The snapshots, newest first.
    public var snapshots: [SnapshotVerification] = []
    /// The topics.
    public var topics = TopicsVerification()
    /// Why a start would refuse the directory, or nil.
    public var refusal: EngineOpenError?

    /// The judgement.
    public var status: Status {
        if refusal != nil { return .damaged }
        return snapshots.contains { $0.problem != nil } ? .degraded : .whole
    }

    /// The exit code with which a start would refuse the directory; else 0.
    public var exitCode: Int32 { refusal?.exitCode ?? 0 }

    /// Looks at everything in `directory`, and changes nothing: takes no lock and no part in recovery, so a daemon may be
    /// running. A snapshot that the daemon removes meanwhile is passed over.
    ///
    /// With `deep`, every record is decoded, every snapshot is loaded, and the log is folded in memory up to each, to
    /// compare digests: that takes the time and the memory of some starts. `configuration` counts with its limits of memory.
    public static func verify(
        directory: String, disk: any Disk, deep: Bool, configuration: EngineConfiguration = EngineConfiguration(),
        time: any TimeSource = SystemTime()
    ) -> DirectoryVerification {
        var attempts = 0
        while true {
            attempts += 1
            var verifier = DirectoryVerifier(
                directory: directory, disk: disk, deep: deep, configuration: configuration, time: time)
            var result = verifier.run()
            guard !verifier.hasMissedSnapshots || attempts == maximumAttempts else { continue }
            result.topics = TopicsVerification.verify(directory: directory, disk: disk, deep: deep)
            result.refusal = result.refusal ?? result.topics.refusal.map { .topics($0) }
            return result
        }
    }

    /// Against a daemon that replaces its snapshots faster than they can be looked at.
    private static let maximumAttempts = 5
}
