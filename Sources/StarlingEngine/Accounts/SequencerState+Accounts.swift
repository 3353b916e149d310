import StarlingSchema
import StarlingSystem

/// Folding facts about accounts and sessions.
extension SequencerState {
    func setAccount(_ id: UInt64, _ body: FactBody, lsn: UInt64) throws(FactError) {
        let user = try use(id, lsn: lsn)
        if let bytes = body.bytes {
            guard bytes.count <= ProfileHeap.maximumBytes, AccountBody.parse(Array(bytes)) != nil else {
                throw FactError(lsn: lsn, reason: "its body is not that of an account")
            }
            guard accounts.heap.hasRoom(forBytes: bytes.count) else {
                let reason = "the accounts' texts do not fit into memory.arenaBytes; raise it"
                throw FactError(lsn: lsn, reason: reason, isLimit: true)
            }
        }
        let old = accounts.bodyLSN(user)
        if old != 0 { erasures.add(.record(old), lsn: lsn) }
        let hash = body.bytes.map { Murmur3.hash($0) } ?? body.hash
        let reference = accounts.set(user, to: body.bytes, lsn: lsn, position: ring.head + 1)
        emit(.accountChanged, lsn: lsn, first: user, second: reference, value: AccountBody.hash(hash))
    }

    func changeCredentials(
        _ change: Starling_V1_CredentialsChanged, _ body: FactBody, lsn: UInt64
    ) throws(FactError) {
        try setAccount(change.userID, body, lsn: lsn)
        sessions.endAll(of: try use(change.userID, lsn: lsn), except: change.keptSession)
    }

    func deleteAccount(_ id: UInt64, lsn: UInt64) throws(FactError) {
        let user = try use(id, lsn: lsn)
        guard !accounts.isDeleted(user) else { return }
        let old = accounts.bodyLSN(user)
        if old != 0 { erasures.add(.record(old), lsn: lsn) }
        erasures.add(.posts(user), lsn: lsn)
        accounts.delete(user, lsn: lsn, position: ring.head + 1)
        sessions.endAll(of: user, except: 0)
        emit(.accountDeleted, lsn: lsn, first: user)
    }

    func startSession(_ session: Starling_V1_SessionStarted, lsn: UInt64) throws(FactError) {
        let user = try use(session.userID, lsn: lsn)
        guard let hash = RefreshHash(words: session.refreshHash) else {
            throw FactError(lsn: lsn, reason: "it holds no hash of a refresh token")
        }
        let isNext = sessions.start(session.sessionID, user: user, hash: hash, expires: session.expiresMs)
        // After a salvage the rows may have been dealt out in another order; then those who were logged in log in again.
        if !isNext, !hasLostRecords {
            throw FactError(lsn: lsn, reason: "it begins session \(session.sessionID), which is not the next one")
        }
    }

    func refreshSession(_ session: Starling_V1_SessionRefreshed) {
        guard let hash = RefreshHash(words: session.refreshHash) else { return }
        sessions.refresh(
            session.sessionID, generation: session.generation, hash: hash, expires: session.expiresMs)
    }
}
