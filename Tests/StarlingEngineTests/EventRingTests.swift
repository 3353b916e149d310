import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct EventRingTests {
    /// A worker's side: takes marks one by one and checks that each event is the one that belongs there.
    final class Follower: @unchecked Sendable {
        let ring: EventRing
        let number: Int
        private(set) var position: UInt64 = 0
        private(set) var mark: UInt64 = 0
        private(set) var isIntact = true

        init(_ ring: EventRing, number: Int) {
            self.ring = ring
            self.number = number
        }

        /// Takes at most `marks` marks; returns whether there were any.
        func take(marks: Int = .max) -> Bool {
            var taken = 0
            while taken < marks, let current = ring.mark(mark) {
                while position < current.end {
                    isIntact = isIntact && ring.event(at: position).pointee.value == position
                    position += 1
                }
                isIntact = isIntact && current.nanoseconds == mark && current.end == position
                mark += 1
                taken += 1
            }
            if taken > 0 { ring.advance(worker: number, to: position, mark: mark) }
            return taken > 0
        }
    }

    private static func append(_ count: Int, to ring: EventRing) {
        for _ in 0..<count {
            ring.append(
                Event(
                    lsn: ring.head, value: ring.head, first: 0, second: 0, third: 0, kind: .advanced, endsRecord: true))
        }
    }

    @Test func eventsSurviveManyTurnsOfTheRing() {
        let ring = EventRing(workers: 2)
        let followers = [Follower(ring, number: 0), Follower(ring, number: 1)]
        var random = SeededRandom(seed: 1)
        var published: UInt64 = 0
        while ring.head < 3 * UInt64(EventRing.defaultCapacity) {
            let count = Int.random(in: 1...6_000, using: &random)
            if ring.hasRoom(for: count) {
                Self.append(count, to: ring)
                ring.publish(nanoseconds: published)
                published += 1
            } else {
                _ = followers[0].take()
                _ = followers[1].take()
            }
            // The two go at paces of their own.
            let slow = followers[Int.random(in: 0..<2, using: &random)]
            _ = slow.take(marks: Int.random(in: 0...3, using: &random))
        }
        for follower in followers {
            _ = follower.take()
            #expect(follower.position == ring.head)
            #expect(follower.isIntact)
        }
    }

    /// One event a commit: marks run out long before slots do.
    @Test func marksSurviveManyTurnsOfTheRing() {
        let ring = EventRing(workers: 1)
        let follower = Follower(ring, number: 0)
        var waits = 0
        for number in 0..<(4 * (EventRing.defaultCapacity / 16)) {
            while !ring.hasRoom(for: 1) {
                waits += 1
                #expect(follower.take(marks: 500))
            }
            Self.append(1, to: ring)
            ring.publish(nanoseconds: UInt64(number))
        }
        _ = follower.take()
        #expect(follower.isIntact)
        #expect(follower.mark == UInt64(4 * (EventRing.defaultCapacity / 16)))
        #expect(waits > 0)
    }

    /// A writer that waits publishes again and again.
    @Test func publishingNothingTakesNoMark() {
        let ring = EventRing(workers: 1)
        Self.append(1, to: ring)
        for _ in 0..<(2 * (EventRing.defaultCapacity / 16)) { ring.publish(nanoseconds: 0) }
        #expect(ring.mark(0) != nil)
        #expect(ring.mark(1) == nil)
    }

    @Test func slowestWorkerHoldsTheWriter() {
        let ring = EventRing(workers: 2)
        #expect(ring.hasRoom(for: EventRing.defaultCapacity))
        Self.append(EventRing.defaultCapacity, to: ring)
        ring.publish(nanoseconds: 0)
        _ = Follower(ring, number: 1).take()
        #expect(!ring.hasRoom(for: 1))
        _ = Follower(ring, number: 0).take()
        #expect(ring.hasRoom(for: EventRing.defaultCapacity))
    }

    @Test func threadsFollowAtTheirOwnPace() {
        let ring = EventRing(workers: 2)
        let total = UInt64(EventRing.defaultCapacity) * 2
        let followers = [Follower(ring, number: 0), Follower(ring, number: 1)]
        let threads = followers.map { follower in
            SystemThread(name: "follower") { while follower.position < total { _ = follower.take(marks: 2) } }
        }
        var published: UInt64 = 0
        while ring.head < total {
            if ring.hasRoom(for: 1_024) {
                Self.append(1_024, to: ring)
                ring.publish(nanoseconds: published)
                published += 1
            }
        }
        for thread in threads { thread.join() }
        #expect(followers.allSatisfy { $0.isIntact })
    }
}
