import StarlingLog
import StarlingSchema
import StarlingSimulation
import StarlingSystem
import StarlingTopics
import SwiftProtobuf
import Testing

@testable import StarlingEngine

/// The topic `feed-events` has exactly one record for each post.
@Suite struct FeedEventTests {
    private static func fixture(
        workers: Int = 2, seed: UInt64 = 1, disk: SimulatedDisk? = nil,
        _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> EngineFixture {
        var configuration = EngineFixture.smallConfiguration(workers: workers)
        configuration.feedEvents = true
        configuration.topics.retention = RetentionPolicy()
        change(&configuration)
        return try EngineFixture(configuration, seed: seed, disk: disk)
    }

    /// All events, by partition and offset.
    private static func events(_ fixture: EngineFixture) throws -> [Starling_V1_FeedEvent] {
        var events: [Starling_V1_FeedEvent] = []
        for partition in try fixture.engine.topics.topic(.feedEvents).partitions {
            var offset = partition.logStartOffset
            var last: UInt64 = 0
            while true {
                let fetched = try partition.read(from: offset, maximumBytes: 1 << 20)
                if fetched.records.isEmpty { break }
                for record in fetched.records {
                    let event = try Starling_V1_FeedEvent(serializedBytes: record.value ?? [])
                    #expect(record.key == Array("\(event.authorID)".utf8))
                    #expect(Partitioner.partition(of: record.key ?? [], partitions: 4) == partition.number)
                    #expect(event.postID > last && event.settledPostID < event.postID)
                    last = event.postID
                    events.append(event)
                }
                offset = fetched.nextOffset
            }
        }
        return events
    }

    private static func expectOneEach(_ fixture: EngineFixture, _ posts: [PostID], _ note: Comment? = nil) throws {
        fixture.settle()
        #expect(try events(fixture).map(\.postID).sorted() == posts.map(\.rawValue), note)
    }

    @Test func anEventSaysWhatTheDeliverySays() throws {
        let fixture = try Self.fixture()
        for follower in UInt64(1)...20 { try fixture.follow(follower, 100 + follower % 3) }
        var posts: [PostID] = []
        for number in 0..<UInt64(30) { posts.append(try fixture.post(100 + number % 3)) }
        try Self.expectOneEach(fixture, posts)
        for event in try Self.events(fixture) {
            let box = Box<Result<DeliveryRecord?, EngineError>>()
            fixture.engine.delivery(of: PostID(rawValue: event.postID)) { box.set($0) }
            fixture.settle()
            let delivery = try #require(try box.value().get())
            #expect(event.targeted == UInt64(delivery.targeted) && event.pushed == UInt64(delivery.pushed))
            #expect(event.pull == UInt64(delivery.pulled) && event.skippedAway == UInt64(delivery.skippedAway))
            #expect(event.targeted > 0 && event.lsn > 0)
        }
    }

    @Test func commentsHaveNone() throws {
        let fixture = try Self.fixture()
        var posts: [PostID] = []
        for _ in 0..<5 {
            posts.append(try fixture.post(1))
            for _ in 0..<3 { _ = try fixture.comment(2, on: posts[0]) }
        }
        try Self.expectOneEach(fixture, posts)
        try fixture.restart(crash: .loseUnsynced)
        for _ in 0..<40 { _ = try fixture.comment(2, on: posts[1]) }
        posts.append(try fixture.post(3))
        try Self.expectOneEach(fixture, posts, "after a crash")
    }

    @Test func aGiantsEventComesWhenAllFollowersHaveThePost() throws {
        let fixture = try Self.fixture {
            $0.celebrityThreshold = 1_000
            $0.pieceDeliveries = 1
            $0.sliceDeliveries = 2
        }
        for follower in UInt64(1)...60 { try fixture.follow(follower, 100 + follower % 2) }
        for follower in UInt64(1)...60 where follower % 2 == 0 { try fixture.follow(follower, 101) }
        let receipt = try fixture.run(
            .importPosts((0..<20).map { NewPost(author: UserID(rawValue: 100 + $0 % 3), text: "x") }), as: 1)
        guard case .posts(let outcomes) = receipt.outcome else { throw UnexpectedOutcome() }
        fixture.time.advance(milliseconds: 1_000)
        try Self.expectOneEach(fixture, try outcomes.map { try $0.get() })
        let followers: [UInt64: UInt64] = [100: 30, 101: 60, 102: 0]
        for event in try Self.events(fixture) {
            #expect(event.hasPushed && event.pushed == followers[event.authorID])
            #expect(event.targeted == followers[event.authorID])
        }
    }

    @Test(arguments: 0..<12)
    func exactlyOneOverRestartsCrashesAndOtherNumbersOfWorkers(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fixture = try Self.fixture(seed: seed + 1) {
            $0.acknowledgement = AcknowledgementLevel.allCases[Int(seed % 3)]
        }
        for follower in UInt64(1)...10 { try fixture.follow(follower, 50 + follower % 4) }
        var posts: [PostID] = []
        for _ in 0..<12 {
            for _ in 0..<(random.next() % 30) { posts.append(try fixture.post(50 + random.next() % 4)) }
            let workers = Int(random.next() % 3) + 1
            switch random.next() % 4 {
            case 0: try fixture.restart(workers: workers)
            case 1: try fixture.restart(crash: .keepUnsynced, workers: workers)
            case 2:
                try fixture.restart(crash: .loseUnsynced, workers: workers)
                posts = try Self.survivors(posts, fixture)
            default:
                try fixture.restart(crash: .randomSectors, workers: workers)
                posts = try Self.survivors(posts, fixture)
            }
            fixture.settle()
            let events = try Self.events(fixture).map(\.postID)
            #expect(Set(events).count == events.count)
            #expect(Set(posts.map(\.rawValue)).isSubset(of: events))
            // Posts that a loss of power took were delivered before.
            if fixture.configuration.acknowledgement == .disk { #expect(events.count == posts.count) }
        }
    }

    private static func survivors(_ posts: [PostID], _ fixture: EngineFixture) throws -> [PostID] {
        let table = fixture.engine.posts
        return posts.filter { table.find($0, among: table.publishedCount) != nil }
    }

    @Test(arguments: [CrashMode.loseUnsynced, .randomSectors])
    func thePowerMayFailAtAnyChange(after mode: CrashMode) throws {
        var changes = 0
        var isDone = false
        while !isDone {
            let fixture = try Self.fixture(seed: UInt64(changes) + 1)
            for follower in UInt64(1)...3 { try fixture.follow(follower, 9) }
            fixture.disk.failPower(afterChanges: changes, tearing: mode == .randomSectors)
            var posts: [PostID] = []
            do {
                for author in UInt64(9)..<15 { posts.append(try fixture.post(author)) }
                isDone = true
            } catch {}
            fixture.disk.disarmPower()
            try? fixture.restart(crash: mode, workers: changes % 3 + 1)
            let table = fixture.engine.posts
            let all = (1...max(table.publishedCount, 1)).map { PostID(rawValue: table.rows[Int($0)].id) }
            try Self.expectOneEach(fixture, table.publishedCount == 0 ? [] : all, "change \(changes)")
            #expect(posts.allSatisfy { table.find($0, among: table.publishedCount) != nil })
            changes += 3
        }
        #expect(changes > 15)
    }

    @Test func whatIsMissedWhileItIsOffComesLater() throws {
        let fixture = try Self.fixture()
        var posts = [try fixture.post(1)]
        fixture.configuration.feedEvents = false
        try fixture.restart()
        for _ in 0..<5 { posts.append(try fixture.post(2)) }
        #expect(try Self.events(fixture).count == 1, "it can still be read")
        fixture.configuration.feedEvents = true
        try fixture.restart()
        try Self.expectOneEach(fixture, posts)
    }

    @Test func overwrittenRowsGiveEventsWithoutFigures() throws {
        let fixture = try Self.fixture { $0.deliveryRecords = 4 }
        try fixture.follow(1, 2)
        fixture.configuration.feedEvents = false
        try fixture.restart()
        let posts = try (0..<20).map { _ in try fixture.post(2) }
        fixture.configuration.feedEvents = true
        try fixture.restart()
        try Self.expectOneEach(fixture, posts)
        let events = try Self.events(fixture)
        #expect(events.prefix(16).allSatisfy { !$0.hasTargeted && !$0.hasPushed })
        #expect(events.suffix(3).allSatisfy { $0.targeted == 1 })
    }

    @Test func manyMoreThanARangeAreAllRecorded() throws {
        let fixture = try Self.fixture()
        let receipt = try fixture.run(
            .importPosts((0..<9_000).map { NewPost(author: UserID(rawValue: $0 % 50 + 1), text: "x") }), as: 1)
        guard case .posts(let outcomes) = receipt.outcome else { throw UnexpectedOutcome() }
        let posts = try outcomes.map { try $0.get() }
        try Self.expectOneEach(fixture, posts)
        fixture.configuration.feedEventPartitions = 9
        try fixture.restart(workers: 3)
        try Self.expectOneEach(fixture, posts, "the partitions of an existing topic stay")
    }

    @Test func aFullDiskDelaysEventsAndLosesNone() throws {
        let fixture = try Self.fixture()
        let first = try fixture.post(1)
        fixture.settle()
        fixture.disk.setCapacity(0)
        let posts = (0..<40).compactMap { _ in try? fixture.post(2, String(repeating: "x", count: 100)) }
        fixture.settle()
        fixture.disk.setCapacity(nil)
        fixture.time.advance(milliseconds: 1_000)
        try Self.expectOneEach(fixture, [first] + posts)
    }

    @Test func aTopicThatCannotBeGoneOnWithIsRefusedAndLeftAlone() throws {
        let fixture = try Self.fixture()
        try fixture.engine.close(clean: true)
        let topics = try Topics.open(
            directory: "/data", disk: fixture.disk, time: fixture.time, seed: 9,
            configuration: fixture.configuration.topics)
        let writer = try topics.takeSystemTopic(.feedEvents, TopicSettings(partitions: 4))
        try writer.reserve(records: 1, bytes: 10, in: 2)
        try writer.append(key: [1], value: [0xff], timestamp: 1, to: 2)
        try writer.commit()
        try writer.close(clean: true)
        try topics.close(clean: true)
        // The second time, nothing is open any more that the first one left.
        for _ in 0..<2 {
            do {
                _ = try Engine.open(
                    directory: "/data", configuration: fixture.configuration,
                    environment: EngineEnvironment(disk: fixture.disk, time: fixture.time, seed: 5), execution: .manual)
                Issue.record("it was opened")
            } catch {
                guard case .topics(.damagedRecord(.feedEvents, partition: 2, offset: 0)) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(error.exitCode == 78)
            }
        }
    }

    @Test func theHandWrittenMessageIsTheGeneratedOne() throws {
        var encoder = FeedEventEncoder()
        var random = SeededRandom(seed: 5)
        for round in 0..<500 {
            func number(_ random: inout SeededRandom) -> UInt32 {
                UInt32(truncatingIfNeeded: random.next()) >> (random.next() % 32)
            }
            let post = PostRow(
                id: random.next(), lsn: random.next() >> (random.next() % 64), deletion: 0, author: 0, previous: 0,
                jump: 0, height: 0, parent: 0, edits: 0, visibility: 0, kind: 0)
            let author = UserID(rawValue: round == 0 ? 0 : random.next() >> (random.next() % 64))
            let row = DeliveryRow(
                post: 1, followers: number(&random), pushed: number(&random), pulled: number(&random),
                away: number(&random), medianMicroseconds: number(&random), lateMicroseconds: number(&random))
            let settled = round % 3 == 0 ? 0 : random.next()
            encoder.encode(post, author: author, row: round % 5 == 0 ? nil : row, settled: settled)
            let event = try Starling_V1_FeedEvent(serializedBytes: encoder.value)
            let expected = Starling_V1_FeedEvent.with {
                $0.postID = post.id
                $0.authorID = author.rawValue
                $0.lsn = post.lsn
                $0.settledPostID = settled
                if round % 5 == 0 { return }
                $0.targeted = UInt64(row.followers)
                $0.pushed = UInt64(row.pushed)
                $0.pull = UInt64(row.pulled)
                $0.skippedAway = UInt64(row.away)
                if row.medianMicroseconds > 0 { $0.p50Ms = Double(row.medianMicroseconds) / 1_000 }
                if row.lateMicroseconds > 0 { $0.p99Ms = Double(row.lateMicroseconds) / 1_000 }
            }
            #expect(event == expected)
            #expect(encoder.key == Array("\(author.rawValue)".utf8))
            #expect(encoder.key.count + encoder.value.count <= FeedEventEncoder.maximumBytes)
        }
    }
}
