import StarlingMemory
import StarlingSchema
import StarlingSystem
import SwiftProtobuf
import Synchronization

/// What the sequencer knows of one account. 40 bytes; zero for one that was used without being registered.
struct AccountRow: BitwiseCopyable {
    /// The record whose body holds the account's texts as they are now. Read by other threads: see `AccountTable.bodyLSN`.
    var bodyLSN: UInt64
    /// The record that deleted the account, or 0. Read by other threads: see `AccountTable.deletedLSN`.
    var deletedLSN: UInt64
    var nameHash: UInt64
    var emailHash: UInt64
    /// The texts in the heap; 0 for none.
    var reference: UInt32
    var unused: UInt32
}

/// Registered accounts: their texts, and who has which name and address. Owned by the sequencer; a fold of the log.
final class AccountTable: @unchecked Sendable {
    let table: MappedTable<AccountRow>
    let heap: ProfileHeap
    private var names = NameIndex()
    private var emails = NameIndex()
    /// Secret, and the same as long as the data directory lives: hashes of names are stored.
    private let key: Hash128
    /// Accounts that are registered and not deleted.
    private(set) var count: UInt64 = 0
    /// Whether any account was ever deleted: while there is none, nobody is asked.
    private(set) var hasDeleted = false

    init(configuration: EngineConfiguration, in memory: RegionMemory, key: Hash128) throws(ArenaError) {
        table = try configuration.makeUserTable(in: memory)
        heap = try ProfileHeap(
            arenaBytes: configuration.arenaBytes, hugePages: configuration.hugePages, in: memory)
        self.key = key
    }

    /// Makes room for users up to `count`.
    func ensure(users count: Int) { table.ensure(count: count) }

    func isDeleted(_ user: UserIndex) -> Bool { table.rows[Int(user)].deletedLSN != 0 }

    /// The texts of an account; nil when it is not registered, or deleted.
    func body(_ user: UserIndex) -> Starling_V1_AccountBody? {
        let reference = table.rows[Int(user)].reference
        return reference == 0 ? nil : AccountBody.parse(heap.bytes(of: reference))
    }

    func user(named name: String) -> UserIndex? {
        let name = AccountRules.normalized(name)
        return names.find(hash(name, .name)) { AccountRules.normalized(body($0)?.username ?? "") == name }
    }

    func user(withEmail email: String) -> UserIndex? {
        let email = AccountRules.normalized(email)
        return emails.find(hash(email, .email)) { body($0)?.email == email }
    }

    /// Gives an account the texts `bytes`, or, when they were erased from the log, none. Returns the reference and the event's
    /// position until which the old one is read.
    func set(_ user: UserIndex, to bytes: UnsafeRawBufferPointer?, lsn: UInt64, position: UInt64) -> UInt32 {
        forget(user, position: position)
        var row = table.rows[Int(user)]
        row.reference = bytes.map(heap.store) ?? 0
        if let bytes, let texts = AccountBody.parse(Array(bytes)) {
            row.nameHash = hash(AccountRules.normalized(texts.username), .name)
            row.emailHash = hash(texts.email, .email)
            names.insert(row.nameHash, user)
            emails.insert(row.emailHash, user)
        }
        if table.rows[Int(user)].bodyLSN == 0 { count += 1 }
        let target = table.writable(Int(user))
        target.pointee.nameHash = row.nameHash
        target.pointee.emailHash = row.emailHash
        target.pointee.reference = row.reference
        cell(user, \.bodyLSN).pointee.store(lsn, ordering: .relaxed)
        return row.reference
    }

    func delete(_ user: UserIndex, lsn: UInt64, position: UInt64) {
        forget(user, position: position)
        if table.rows[Int(user)].bodyLSN != 0 { count -= 1 }
        hasDeleted = true
        _ = table.writable(Int(user))
        cell(user, \.deletedLSN).pointee.store(lsn, ordering: .relaxed)
    }

    private func forget(_ user: UserIndex, position: UInt64) {
        let row = table.rows[Int(user)]
        guard row.reference != 0 else { return }
        names.remove(row.nameHash, user)
        emails.remove(row.emailHash, user)
        heap.retire(row.reference, position: position)
        let target = table.writable(Int(user))
        target.pointee.reference = 0
        target.pointee.nameHash = 0
        target.pointee.emailHash = 0
    }

    private enum Kind: UInt64 { case name = 1, email = 2 }

    private func hash(_ text: String, _ kind: Kind) -> UInt64 {
        var text = text
        return text.withUTF8 { SipHash.hash(kind.rawValue, UnsafeRawBufferPointer($0), key: key) }
    }

    /// The record with the account's texts as they are now, or 0. Any thread, for an account that it knows of.
    func bodyLSN(_ user: UserIndex) -> UInt64 { cell(user, \.bodyLSN).pointee.load(ordering: .relaxed) }

    /// The record that deleted the account, or 0. Any thread; compare with the lsn that is committed.
    func deletedLSN(_ user: UserIndex) -> UInt64 { cell(user, \.deletedLSN).pointee.load(ordering: .relaxed) }

    private func cell(
        _ user: UserIndex, _ field: KeyPath<AccountRow, UInt64>
    ) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let offset = MemoryLayout<AccountRow>.offset(of: field).unsafelyUnwrapped
        return UnsafeMutableRawPointer(mutating: table.rows + Int(user)).advanced(by: offset)
            .assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Makes the indexes of what a snapshot brought. Some 20 ns for each account.
    func adoptLoadedRows() {
        for user in 0..<table.count {
            let row = table.rows[user]
            if row.bodyLSN != 0, row.deletedLSN == 0 { count += 1 }
            if row.deletedLSN != 0 { hasDeleted = true }
            guard row.reference != 0 else { continue }
            names.insert(row.nameHash, UserIndex(user))
            emails.insert(row.emailHash, UserIndex(user))
        }
    }
}

/// The texts of an account in bytes: what stands in the body of a record.
enum AccountBody {
    static func parse(_ bytes: [UInt8]) -> Starling_V1_AccountBody? {
        try? Starling_V1_AccountBody(serializedBytes: bytes)
    }

    /// What stands for the texts in the digest of the state, also after they were erased from the log. Never 0.
    static func hash(_ bodyHash: Hash128) -> UInt64 { (bodyHash.high ^ bodyHash.low) | 1 }
}
