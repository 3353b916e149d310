import Foundation
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Topics over HTTP and TCP: the same answers and the same problems.
@Suite struct TopicDoorsTests {
    /// The operations that are called here.
    static let operations = ["ListTopics", "CreateTopic", "Produce", "Fetch"]

    private func create(_ name: String, partitions: UInt32 = 2, _ door: any Door) async throws
        -> Answered<Starling_V1_CreateTopicResponse>
    {
        let request = Starling_V1_CreateTopicRequest.with {
            $0.name = name
            $0.partitions = partitions
        }
        return try await door.call("CreateTopic", request, answer: Starling_V1_CreateTopicResponse.self)
    }

    private func produce(
        _ values: [String], to topic: String, _ door: any Door,
        _ change: (inout Starling_V1_ProduceRequest) -> Void = { _ in }
    ) async throws -> Answered<Starling_V1_ProduceResponse> {
        var request = Starling_V1_ProduceRequest.with {
            $0.topic = topic
            $0.records = values.map { value in
                .with {
                    $0.value = Data(value.utf8)
                    $0.headers = [
                        .with {
                            $0.name = "h"
                            $0.value = Data([0, 255])
                        }
                    ]
                }
            }
        }
        change(&request)
        return try await door.call("Produce", request, answer: Starling_V1_ProduceResponse.self)
    }

    private func fetch(
        _ topic: String, _ door: any Door, _ change: (inout Starling_V1_FetchRequest) -> Void
    ) async throws -> Answered<Starling_V1_FetchResponse> {
        var request = Starling_V1_FetchRequest.with { $0.topic = topic }
        change(&request)
        return try await door.call("Fetch", request, answer: Starling_V1_FetchResponse.self)
    }

    private func withDoors(_ body: (TestDaemon, [any Door]) async throws -> Void) async throws {
        try await TestDaemon.run { daemon in
            try await body(daemon, [try HTTPDoor(daemon), TCPDoor(client: try await daemon.client())])
        }
    }

    @Test func recordsGoInAtOneDoorAndComeOutAtTheOther() async throws {
        try await withDoors { _, doors in
            let made = try await create("orders", doors[0])
            #expect(try made.success().created)
            #expect(try await create("orders", doors[1]).success().created == false)
            var offset: UInt64 = 0
            for (writer, reader) in [(doors[0], doors[1]), (doors[1], doors[0])] {
                let stored = try await produce(["a", "b"], to: "orders", writer) {
                    $0.partition = 1
                    $0.records[0].key = Data([1])
                    $0.records[1].clearValue()
                }
                #expect(try stored.success().offset == offset)
                #expect(try stored.success().positions.map(\.offset) == [offset, offset + 1])
                let answer = try await fetch("orders", reader) {
                    $0.partition = 1
                    $0.offset = offset
                }
                let fetched = try answer.success()
                #expect(fetched.records.map(\.key) == [Data([1]), Data()])
                #expect(fetched.records.map(\.hasKey) == [true, false])
                #expect(fetched.records.map(\.hasValue) == [true, false])
                #expect(fetched.records.first?.headers.first?.value == Data([0, 255]))
                offset += 2
                #expect(fetched.nextOffset == offset && fetched.highWatermark == offset && fetched.logStartOffset == 0)
                #expect(try await fetch("orders", writer) { $0.partition = 1 }.success().records.count == Int(offset))
            }
            let lists = try await [
                doors[0].call(
                    "ListTopics", Starling_V1_ListTopicsRequest(), answer: Starling_V1_ListTopicsResponse.self),
                doors[1].call(
                    "ListTopics", Starling_V1_ListTopicsRequest(), answer: Starling_V1_ListTopicsResponse.self),
            ]
            #expect(lists[0] == lists[1])
            let topics = try lists[0].success().items
            #expect(topics.map(\.name) == ["feed-events", "orders"])
            #expect(topics.map(\.system) == [true, false])
            #expect(topics[1].partitions.map(\.highWatermark) == [0, 4])
        }
    }

    @Test func repetitionsAreStoredOnceAtBothDoors() async throws {
        try await withDoors { _, doors in
            _ = try await create("t", doors[0])
            for (number, door) in ([doors[0], doors[1], doors[0]] as [any Door]).enumerated() {
                let stored = try await produce(["a", "b"], to: "t", door) {
                    $0.partition = 0
                    $0.producerID = 77
                    $0.baseSequence = 0
                }.success()
                #expect(stored.offset == 0 && stored.storedBefore == (number == 0 ? 0 : 2))
            }
        }
    }

    @Test func problemsAreEqual() async throws {
        try await withDoors { _, doors in
            _ = try await create("t", doors[0])
            _ = try await produce(["a"], to: "t", doors[0]) { $0.partition = 0 }
            let long = String(repeating: "x", count: 201)
            let cases: [(String, (any Door) async throws -> String)] = [
                ("409 TOPIC_EXISTS", { try await create("t", partitions: 3, $0).verdict }),
                ("400 INVALID_ARGUMENT", { try await create("../etc", $0).verdict }),
                ("400 INVALID_ARGUMENT", { try await create(".", $0).verdict }),
                ("400 INVALID_ARGUMENT", { try await create("", $0).verdict }),
                ("400 INVALID_ARGUMENT", { try await create(long, $0).verdict }),
                ("400 INVALID_ARGUMENT", { try await create("u", partitions: 257, $0).verdict }),
                ("403 SYSTEM_TOPIC", { try await create("events", $0).verdict }),
                ("403 SYSTEM_TOPIC", { try await produce(["a"], to: "feed-events", $0).verdict }),
                ("404 TOPIC_NOT_FOUND", { try await produce(["a"], to: "none", $0).verdict }),
                ("404 PARTITION_NOT_FOUND", { try await produce(["a"], to: "t", $0) { $0.partition = 2 }.verdict }),
                ("400 INVALID_ARGUMENT", { try await produce([], to: "t", $0).verdict }),
                ("400 INVALID_ARGUMENT", { try await produce(["a"], to: "t", $0) { $0.producerID = 1 }.verdict }),
                (
                    "409 OUT_OF_ORDER_SEQUENCE",
                    {
                        try await produce(["a"], to: "t", $0) {
                            $0.partition = 0
                            $0.producerID = 1
                            $0.baseSequence = 5
                        }.verdict
                    }
                ),
                ("404 TOPIC_NOT_FOUND", { try await fetch("none", $0) { $0.offset = 0 }.verdict }),
                ("404 PARTITION_NOT_FOUND", { try await fetch("t", $0) { $0.partition = 9 }.verdict }),
                ("409 OFFSET_OUT_OF_RANGE", { try await fetch("t", $0) { $0.offset = 2 }.verdict }),
                ("400 INVALID_ARGUMENT", { try await fetch("t", $0) { $0.maxBytes = 0 }.verdict }),
                ("400 INVALID_ARGUMENT", { try await fetch("t", $0) { $0.maxWaitMs = 30_001 }.verdict }),
            ]
            for (expected, call) in cases {
                for door in doors { #expect(try await call(door) == expected) }
            }
        }
    }

    @Test func aFetchWaitsForARecordAndEndsAtShutDown() async throws {
        let directory = try TemporaryDirectory()
        let daemon = try await TestDaemon.start(in: directory)
        let doors: [any Door] = [try HTTPDoor(daemon), TCPDoor(client: try await daemon.client())]
        _ = try await create("t", partitions: 1, doors[0])
        for (number, door) in doors.enumerated() {
            async let waiting = fetch("t", door) {
                $0.offset = UInt64(number)
                $0.maxWaitMs = 30_000
            }
            // The other door, for a connection of its own.
            _ = try await produce(["late"], to: "t", doors[1 - number])
            #expect(try await waiting.success().records.map(\.offset) == [UInt64(number)])
        }
        let short = try await fetch("t", doors[0]) {
            $0.offset = 2
            $0.maxWaitMs = 1
        }
        #expect(try short.success().records.isEmpty)
        async let last = fetch("t", doors[1]) {
            $0.offset = 2
            $0.maxWaitMs = 30_000
        }
        // What waits is answered, and does not hold up the end.
        try await daemon.daemon.shutDown()
        _ = try? await last
    }

    @Test func timesLeadToOffsetsAndAClientsTimeIsKept() async throws {
        try await withDoors { _, doors in
            _ = try await create("t", partitions: 1, doors[0])
            for second in Int64(1)...5 {
                _ = try await produce(["v"], to: "t", doors[1]) {
                    $0.records[0].timestamp = .with { $0.seconds = second }
                }
            }
            for door in doors {
                let fetched = try await fetch("t", door) {
                    $0.time = .with {
                        $0.seconds = 3
                        $0.nanos = 1_000_000
                    }
                }.success()
                #expect(fetched.records.map(\.timestamp.seconds) == [4, 5])
            }
        }
    }

    @Test func topicsSurviveARestart() async throws {
        let directory = try TemporaryDirectory()
        try await TestDaemon.run(in: directory) { daemon in
            let door = TCPDoor(client: try await daemon.client())
            _ = try await create("t", door)
            for number in 0..<20 { _ = try await produce(["\(number)"], to: "t", door) { $0.partition = 1 } }
        }
        try await TestDaemon.run(in: directory) { daemon in
            let fetched = try await fetch("t", try HTTPDoor(daemon)) { $0.partition = 1 }.success()
            #expect(fetched.records.map { String(decoding: $0.value, as: UTF8.self) } == (0..<20).map { "\($0)" })
        }
    }
}
