import StarlingSystem
import Synchronization
import Testing

@testable import StarlingEngine

@Suite struct UserTableTests {
    static let seed: UInt64 = 42

    private func table(maximumUsers: Int = 1 << 20) throws -> UserTable {
        try UserTable(maximumUsers: maximumUsers, hugePages: false, seed: Self.seed)
    }

    /// Adds all ids, then looks all up.
    private func check(_ ids: [UInt64]) throws {
        let table = try table()
        let added = ids.map { table.add(UserID(rawValue: $0)) }
        #expect(added == Array(0..<UserIndex(ids.count)))
        #expect(ids.map { table.index(of: UserID(rawValue: $0)) } == added)
        #expect(added.map { table.id(of: $0).rawValue } == ids)
    }

    @Test func manyIdsAreNumberedInOrderAndFoundAfterGrowth() throws { try check((1...20_000).map { UInt64($0) }) }

    @Test func idsThatDifferInHighBitsOnlyAreToldApart() throws { try check((1...2_000).map { UInt64($0) << 40 }) }

    @Test func extremeIdsAreOrdinary() throws { try check([.max, 1, .max - 1, 1 << 63, UInt64(UInt32.max)]) }

    /// Ids that want the same cell of the first table, and wrap around its end.
    @Test func idsThatCollideAreToldApart() throws {
        try check((1...4_000).filter { Murmur3.mix($0 ^ Self.seed) & 63 == 63 })
    }

    @Test func unknownUserHasNoIndex() throws {
        let table = try table()
        #expect(table.index(of: UserID(rawValue: 1)) == nil)
        for id in 1...500 { _ = table.add(UserID(rawValue: UInt64(id))) }
        #expect(table.index(of: UserID(rawValue: 501)) == nil)
        #expect(table.index(of: UserID(rawValue: 0)) == nil)
    }

    @Test func roomEndsAtTheLimit() throws {
        let table = try table(maximumUsers: 3)
        _ = table.add(UserID(rawValue: 1))
        #expect(table.hasRoom(for: 2))
        #expect(!table.hasRoom(for: 3))
    }

    /// Users whose number was published are found by another thread while the table grows.
    @Test func readersFindUsersWhileTheTableGrows() throws {
        let table = try table()
        let count: UInt64 = 20_000
        let added = Shared()
        let misses = Shared()
        let reader = SystemThread(name: "reader") {
            var random = SeededRandom(seed: 1)
            while true {
                let known = added.value.load(ordering: .acquiring)
                if known == 0 { continue }
                let id = UInt64.random(in: 1...known, using: &random)
                if table.index(of: UserID(rawValue: id)) != UserIndex(id - 1) {
                    misses.value.wrappingAdd(1, ordering: .relaxed)
                }
                if known == count { return }
            }
        }
        for id in 1...count {
            _ = table.add(UserID(rawValue: id))
            added.value.store(id, ordering: .releasing)
        }
        reader.join()
        #expect(misses.value.load(ordering: .relaxed) == 0)
    }

    private final class Shared: Sendable {
        let value = Atomic<UInt64>(0)
    }
}
