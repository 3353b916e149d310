import StarlingLog
import StarlingMemory
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// Where the records of a replay come from.
protocol ReplayedLog {
    /// Hands the records from `first` to `last` to `body`, in order. The views are valid only during the call.
    func forEachRecord(from first: UInt64, upTo last: UInt64, _ body: (LogRecordView) throws -> Void) throws
}

extension Log: ReplayedLog {}
extension LogReader: ReplayedLog {}

/// Folds the log, from the record after the loaded snapshot on, into the sequencer's state and, through the ring, into the workers,
/// until they have applied all of it.
struct Replay {
    let log: any ReplayedLog
    let state: SequencerState
    let ring: EventRing
    let workers: [Worker]
    /// Called while the ring has no room; lets the workers make progress.
    let waitForWorkers: () -> Void
    /// Called after each publication.
    let wakeWorkers: () -> Void

    /// The last record to fold.
    var lastLSN = UInt64.max

    /// Records between two publications.
    private static let publishInterval: UInt64 = 1_024

    func run() throws(EngineOpenError) -> UInt64 {
        var replayed: UInt64 = 0
        do {
            try log.forEachRecord(from: state.lastLSN + 1, upTo: lastLSN) { view in
                let fact = view.isLost ? nil : try decode(view)
                let events = fact.map(Self.events) ?? 1
                if events > ring.capacity {
                    throw FactError(lsn: view.lsn, reason: "it holds more edges than one record may")
                }
                while !ring.hasRoom(for: events) {
                    publish()
                    try letWorkersApply()
                }
                if let fact {
                    let body = FactBody(bytes: view.body, hash: view.bodyHash)
                    try state.apply(fact, body, lsn: view.lsn, milliseconds: view.timestamp)
                } else {
                    state.applyLost(lsn: view.lsn)
                }
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
        do throws(FactError) {
            while workers.contains(where: { $0.appliedLSN < state.lastLSN }) { try letWorkersApply() }
        } catch {
            throw .configuration(error.description)
        }
        return replayed
    }

    private func letWorkersApply() throws(FactError) {
        waitForWorkers()
        for worker in workers {
            guard let sets = worker.stop.full else { continue }
            let reason =
                "the \(sets.words) of worker \(worker.number) do not fit into memory.arenaBytes; raise it, or workers"
            throw FactError(lsn: worker.appliedLSN + 1, reason: reason, isLimit: true)
        }
    }

    private func decode(_ view: LogRecordView) throws(FactError) -> Starling_V1_Fact {
        do {
            return try Starling_V1_Fact(serializedBytes: Array(view.value))
        } catch {
            throw FactError(lsn: view.lsn, reason: "it is no fact: \(error)")
        }
    }

    private func publish() {
        state.posts.publish(state.posts.count)
        state.erasures.publish(state.erasures.table.count)
        // Without a time: how long a replay takes is no delay of a delivery.
        ring.publish(nanoseconds: 0)
        wakeWorkers()
    }

    /// The most events that a fact becomes, with that for the time.
    private static func events(of fact: Starling_V1_Fact) -> Int {
        switch fact.fact {
        case .followsImported(let edges): (edges.users.count + edges.requestingUsers.count) * 3 + 2
        case .readersAwayChanged(let change): change.users.count + 2
        case .followRequestsAccepted(let requests): requests.users.count + 2
        case .blocked: 8
        case .edgesRemoved(let edges): edges.users.count * CommandBudget.eventsOfTies + 2
        default: 4
        }
    }
}
