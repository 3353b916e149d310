import StarlingLog
import StarlingSnapshots
import StarlingTopics

/// Why an engine could not be opened. Nothing in the data directory was changed, except where a log error says so.
public enum EngineOpenError: Error, Sendable, CustomStringConvertible {
    /// A setting is out of range.
    case configuration(String)
    /// The log could not be opened or read.
    case log(LogError)
    /// The system gave no address space.
    case memory(String)
    /// A snapshot has a format that this version does not know, or the disk failed while one was read.
    case snapshot(SnapshotError)
    /// The log does not reach back to its first record, and no snapshot stands for the records before.
    case noUsableSnapshot(logStartsAt: UInt64, reason: String)
    /// The topics could not be opened.
    case topics(TopicError)
    /// A record that is whole cannot be applied: it was written by a newer version, or by a defect.
    case unreadableFact(lsn: UInt64, reason: String)

    /// The exit code of a program that ends because of it (`LogError.exitCode`; 78 configuration or unknown format).
    public var exitCode: Int32 {
        switch self {
        case .configuration: 78
        case .log(let error): error.exitCode
        case .memory: 70
        case .snapshot(let error): error.exitCode
        case .noUsableSnapshot: 66
        case .topics(let error): error.exitCode
        case .unreadableFact: 78
        }
    }

    /// One line for people.
    public var description: String {
        switch self {
        case .configuration(let problem): "configuration: \(problem)"
        case .log(let error): "\(error)"
        case .memory(let cause): "\(cause); lower maximumPosts, maximumUsers or arenaBytes, or raise ulimit -v"
        case .snapshot(let error): "\(error)"
        case .noUsableSnapshot(let first, let reason):
            "the log begins with record \(first) and no snapshot can be used for what came before (\(reason)); restore a "
                + "backup"
        case .topics(let error): "\(error)"
        case .unreadableFact(let lsn, let reason):
            "record \(lsn) cannot be applied: \(reason); open it with the version that wrote it"
        }
    }
}
