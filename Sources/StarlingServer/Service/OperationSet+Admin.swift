import StarlingEngine
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

extension OperationSet {
    /// AdminService.
    func bindAdmin(_ bindings: inout Bindings) {
        bindings.bind("Quiesce", quiesce)
        bindings.bind("StateDigest", stateDigest)
        bindings.bind("GetConfig", getConfig)
        bindings.bind("UpdateConfig", updateConfig)
        bindings.bind("TakeSnapshot", takeSnapshot)
        bindings.bind("Backup", backup)
        bindings.bind("RotateKeys", rotateKeys)
    }

    @Sendable
    private func rotateKeys(
        _ request: Starling_V1_RotateKeysRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_RotateKeysResponse>
    ) {
        attemptLater(respond) { [accounts] () throws(Problem) in
            do {
                let kid = try await accounts.rotateKeys()
                return Reply(response: .with { $0.kid = kid })
            } catch {
                throw Problem(status: 500, code: "INTERNAL", detail: "the new key could not be stored: \(error)")
            }
        }
    }

    @Sendable
    private func takeSnapshot(
        _ request: Starling_V1_TakeSnapshotRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_TakeSnapshotResponse>
    ) {
        engine.snapshot(
            completion: reading(respond) { report in
                .with {
                    $0.lsn = report.lsn
                    $0.full = report.isFull
                    $0.pages = report.pages
                    $0.microseconds = report.nanoseconds / 1_000
                    $0.stateDigest = report.digest
                }
            })
    }

    @Sendable
    private func backup(
        _ request: Starling_V1_BackupRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_BackupResponse>
    ) {
        guard request.directory.hasPrefix("/") else {
            return respond(.failure(.invalid("directory", "it must be an absolute path on the server's machine")))
        }
        engine.backup(
            to: request.directory,
            completion: reading(respond) { report in
                .with {
                    $0.lsn = report.lsn
                    $0.files = report.files
                    $0.bytes = report.bytes
                }
            })
    }

    @Sendable
    private func quiesce(
        _ request: Starling_V1_QuiesceRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_QuiesceResponse>
    ) {
        engine.quiesce(
            completion: reading(respond) { [engine] answer in
                let statistics = answer.statistics
                return .with {
                    $0.lsn = answer.lsn
                    $0.totals = .with {
                        $0.users = statistics.users
                        $0.edges = statistics.edges
                        $0.posts = statistics.posts
                        $0.deliveriesPushed = statistics.pushed
                        $0.deliveriesPull = statistics.pulled
                        $0.timelineEntries = statistics.timelineEntries
                        $0.timelineBytes = statistics.timelineBytes
                        $0.edgeBytes = statistics.edgeBytes
                        $0.logBytes = engine.logBytes
                        $0.logRecords = answer.lsn
                    }
                    $0.fanoutDelay = .with {
                        $0.p50Microseconds = statistics.delayP50 / 1_000
                        $0.p99Microseconds = statistics.delayP99 / 1_000
                        $0.maxMicroseconds = statistics.delayMaximum / 1_000
                    }
                }
            })
    }

    @Sendable
    private func stateDigest(
        _ request: Starling_V1_StateDigestRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_StateDigestResponse>
    ) {
        engine.stateDigest(
            completion: reading(respond) { digest in
                .with {
                    $0.digest = digest.digest.description
                    $0.workers = digest.workers.map { part in
                        .with {
                            $0.worker = UInt32(part.worker)
                            $0.appliedLsn = part.appliedLSN
                            $0.digest = part.digest.description
                        }
                    }
                }
            })
    }

    @Sendable
    private func getConfig(
        _ request: Starling_V1_GetConfigRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_Config>
    ) {
        respond(.success(Reply(response: .with { $0.values = settings.values })))
    }

    @Sendable
    private func updateConfig(
        _ request: Starling_V1_UpdateConfigRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_Config>
    ) {
        attempt(respond) { () throws(Problem) in
            let change = try settings.check(request.values)
            guard let threshold = change.celebrityThreshold else { return finish(change, respond) }
            // The only one that can fail goes first: then all of them are set, or none is.
            engine.setCelebrityThreshold(threshold) { [self] result in
                switch result {
                case .failure(let error): respond(.failure(Problem(error)))
                case .success: finish(change, respond)
                }
            }
        }
    }

    /// Sets what cannot fail, and answers.
    private func finish(_ change: RuntimeSettings.Change, _ respond: Respond<Starling_V1_Config>) {
        settings.commit(change)
        respond(
            .success(
                Reply(
                    response: .with {
                        $0.values = settings.values
                        $0.changed = change.keys
                    })))
    }
}
