import StarlingMemory
import StarlingSystem
import Testing

@testable import StarlingSets

/// What an operation takes of an arena is never more than is said, and what the arena promises it has.
@Suite struct RoomTests {
    private typealias Sets = SortedSetArena<UInt32>

    /// Any blocks, of any sizes, in any order: as many as `allocationsLeft` says can be had.
    @Test func promisedAllocationsCanBeHad() throws {
        for seed in UInt64(1)...60 {
            var random = SeededRandom(seed: seed)
            let arena = try Arena(reservedBytes: 32 << 10, hugePages: false)
            var held: [(reference: UInt32, units: UInt32)] = []
            for _ in 0..<400 {
                if random.next() % 3 == 0, !held.isEmpty {
                    let block = held.remove(at: Int(random.next() % UInt64(held.count)))
                    let before = arena.allocationsLeft
                    arena.free(block.reference, units: block.units)
                    #expect(arena.allocationsLeft >= before)
                } else if arena.allocationsLeft > 0 {
                    let units = 1 + UInt32(random.next() % 32)
                    let before = arena.allocationsLeft
                    held.append((arena.allocate(units: units), units))
                    #expect(arena.allocationsLeft >= before - 1)
                }
            }
            #expect(arena.brokenInvariant() == nil)
            // To the very end.
            var left = arena.allocationsLeft
            while left > 0 {
                _ = arena.allocate(units: 1 + UInt32(random.next() % 32))
                left -= 1
            }
        }
    }

    /// Sets of all sizes, insertions anywhere, removals: each within its bound.
    @Test(arguments: [0, 1, 2])
    func everyOperationStaysWithinItsBound(pattern: Int) throws {
        for seed in UInt64(1)...12 {
            var random = SeededRandom(seed: seed)
            let sets = Sets(arena: try Arena(reservedBytes: 4 << 20, hugePages: false), seed: seed)
            let headers = UnsafeMutablePointer<SortedSet>.allocate(capacity: 8)
            headers.initialize(repeating: SortedSet(), count: 8)
            defer { headers.deallocate() }
            for step in 0..<20_000 {
                let set = headers + Int(random.next() % 8)
                let before = sets.arena.allocationsLeft
                let isRemoval = random.next() % 100 < (step / 4_000 % 2 == 0 ? 20 : 70)
                let key: UInt32 =
                    switch pattern {
                    case 0: UInt32(truncatingIfNeeded: random.next() % 3_000)
                    case 1: UInt32(step)
                    default: UInt32(1_000_000 - step)
                    }
                if isRemoval {
                    var entries = sets.ascending(set)
                    let first = entries.next()
                    _ = sets.remove(pattern == 0 ? key : first ?? key, from: set)
                    #expect(sets.arena.allocationsLeft >= before - Sets.allocationsPerRemove)
                } else {
                    _ = sets.insert(key, into: set)
                    #expect(sets.arena.allocationsLeft >= before - Sets.allocationsPerInsert)
                }
            }
        }
    }

    /// One timeline, from any state on, with insertions in any order and trims: never more than the bound for so many.
    @Test(arguments: [1, 20, 100, 800])
    func timelineStaysWithinItsBound(cap: Int) throws {
        let limit = cap + Sets.leafCapacity
        for seed in UInt64(1)...40 {
            var random = SeededRandom(seed: seed)
            let sets = Sets(arena: try Arena(reservedBytes: 8 << 20, hugePages: false), seed: seed)
            var set = SortedSet()
            var floor: UInt32 = 0
            var newest: UInt32 = 100_000
            let pattern = random.next() % 4
            func insert() {
                let key: UInt32
                switch pattern == 3 ? random.next() % 3 : pattern {
                case 0:
                    newest += 1
                    key = newest
                case 1: key = floor + UInt32(truncatingIfNeeded: random.next() % UInt64(newest - floor + 1))
                default: key = max(newest, 5_000) - UInt32(truncatingIfNeeded: random.next() % 5_000)
                }
                newest = max(newest, key)
                guard key >= floor, sets.insert(key, into: &set) else { return }
                if set.count >= limit, let dropped = sets.trim(&set, toNewest: cap) { floor = dropped + 1 }
            }
            for _ in 0..<random.next() % 3_000 { insert() }
            for count in [1, 2, 7, 30, 300, 3_000] {
                let before = sets.arena.allocationsLeft
                let bound = Sets.allocations(insertions: count, limit: limit)
                for _ in 0..<count {
                    insert()
                    #expect(before - sets.arena.allocationsLeft <= bound, "seed \(seed), \(count) insertions")
                }
            }
        }
    }

    /// The newest first, as a backfill does.
    @Test func backfillStaysWithinItsBound() throws {
        for seed in UInt64(1)...60 {
            var random = SeededRandom(seed: seed)
            let cap = 1 + Int(random.next() % 800)
            let limit = cap + Sets.leafCapacity
            let sets = Sets(arena: try Arena(reservedBytes: 8 << 20, hugePages: false), seed: seed)
            var set = SortedSet()
            var floor: UInt32 = 0
            for author in 0..<6 {
                let count = Int(random.next() % 2_000)
                let before = sets.arena.allocationsLeft
                var inserted = 0
                var post = UInt32(truncatingIfNeeded: 50_000 - random.next() % 1_000)
                let step = 1 + random.next() % 16
                for _ in 0..<count where post >= floor {
                    inserted += 1
                    if sets.insert(post &* 6 &+ UInt32(author), into: &set), set.count >= limit,
                        let dropped = sets.trim(&set, toNewest: cap)
                    {
                        floor = dropped / 6 + 1
                    }
                    post -= UInt32(truncatingIfNeeded: step)
                }
                #expect(inserted <= max(count, limit))
                #expect(before - sets.arena.allocationsLeft <= Sets.allocations(insertions: inserted, limit: limit))
            }
        }
    }
}
