import StarlingSystem

extension Engine {
    /// Takes a snapshot, and copies it and the log to `directory`, which must not exist or be empty, while everything goes on.
    /// What is restored from there is the state after some record that is not before any write that was answered before the
    /// call. The completion runs on a thread of the engine.
    ///
    /// Cost: reading and writing the whole log; no other snapshot is installed meanwhile.
    public func backup(
        to directory: String, completion: @escaping @Sendable (Result<BackupReport, EngineError>) -> Void
    ) {
        snapshot { [self] result in
            // On the thread that installs snapshots and removes what is old.
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success:
                do throws(BackupError) {
                    completion(.success(try makeBackup(in: directory)))
                } catch {
                    completion(.failure(.backupFailed("\(error)")))
                }
            }
        }
    }

    /// Makes a data directory of a backup, and checks that its log is whole up to the record where the backup ends. Nobody may
    /// use either directory meanwhile. Cost: reading and writing the whole backup.
    public static func restore(
        backup: String, to directory: String, disk: any Disk
    ) throws(BackupError) -> BackupReport {
        try Backup(disk: disk).restore(backup, to: directory)
    }
}
