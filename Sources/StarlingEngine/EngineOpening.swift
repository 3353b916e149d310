import StarlingLog
import StarlingMemory
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// Why an engine could not be opened. Nothing in the data directory was changed, except where a log error says so.
public enum EngineOpenError: Error, Sendable, CustomStringConvertible {
    /// A setting is out of range.
    case configuration(String)
    /// The log could not be opened or read.
    case log(LogError)
    /// The system gave no address space.
    case memory(String)
    /// A record that is whole cannot be applied: it was written by a newer version, or by a defect.
    case unreadableFact(lsn: UInt64, reason: String)

    /// The exit code of a program that ends because of it (`LogError.exitCode`; 78 configuration or unknown format).
    public var exitCode: Int32 {
        switch self {
        case .configuration: 78
        case .log(let error): error.exitCode
        case .memory: 70
        case .unreadableFact: 78
        }
    }

    /// One line for people.
    public var description: String {
        switch self {
        case .configuration(let problem): "configuration: \(problem)"
        case .log(let error): "\(error)"
        case .memory(let cause): "\(cause); lower maximumPosts, maximumUsers or arenaBytes, or raise ulimit -v"
        case .unreadableFact(let lsn, let reason):
            "record \(lsn) cannot be applied: \(reason); open it with the version that wrote it"
        }
    }
}

/// What opening an engine did.
public struct EngineRecovery: Sendable {
    /// What opening the log found.
    public var log: RecoveryReport
    /// Records that were folded into the state.
    public var replayedRecords: UInt64
}

/// Folds the log from its first record into the sequencer's state and, through the ring, into the workers.
struct Replay {
    let log: Log
    let state: SequencerState
    let ring: EventRing
    let time: any TimeSource
    /// Called while the ring has no room; lets the workers make progress.
    let waitForWorkers: () -> Void
    /// Called after each publication.
    let wakeWorkers: () -> Void

    /// Records between two publications.
    private static let publishInterval: UInt64 = 1_024

    func run() throws(EngineOpenError) -> UInt64 {
        var replayed: UInt64 = 0
        do {
            try log.forEachRecord(from: 1) { view in
                let fact = try decode(view)
                let events = Self.events(of: fact)
                if events > EventRing.capacity {
                    throw FactError(lsn: view.lsn, reason: "it holds more edges than one record may")
                }
                while !ring.hasRoom(for: events) {
                    publish()
                    waitForWorkers()
                }
                try state.apply(fact, lsn: view.lsn, milliseconds: view.timestamp)
                replayed += 1
                if replayed % Self.publishInterval == 0 { publish() }
            }
        } catch let error as FactError {
            if error.isLimit { throw .configuration(error.description) }
            throw .unreadableFact(lsn: error.lsn, reason: error.reason)
        } catch let error as LogError {
            throw .log(error)
        } catch {
            throw .unreadableFact(lsn: state.lastLSN + 1, reason: "\(error)")
        }
        publish()
        return replayed
    }

    private func decode(_ view: LogRecordView) throws(FactError) -> Starling_V1_Fact {
        do {
            return try Starling_V1_Fact(serializedBytes: Array(view.value))
        } catch {
            throw FactError(lsn: view.lsn, reason: "it is no fact: \(error)")
        }
    }

    private func publish() {
        state.posts.publish()
        ring.publish(nanoseconds: time.monotonicNanoseconds())
        wakeWorkers()
    }

    /// The most events that a fact becomes.
    private static func events(of fact: Starling_V1_Fact) -> Int {
        if case .followsImported(let edges) = fact.fact { return edges.users.count * 3 + 1 }
        return 3
    }
}
