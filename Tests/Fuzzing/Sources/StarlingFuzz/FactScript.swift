import StarlingSchema
import SwiftProtobuf

/// Records of a log, made from an input: facts whose fields are small numbers as a rule, and values that are any bytes.
///
///     input  := record*
///     record := kind, fields        kind: 0 to 7, or 8 for bytes that follow; bit 4: a key follows; bit 5: a body follows;
///                                   bits 6 and 7: how much time passes
struct FactScript {
    struct Record {
        var timestamp: UInt64
        var value: [UInt8]
        var body: [UInt8]?
    }

    private(set) var records: [Record] = []
    private var timestamp: UInt64 = 1_700_000_000_000
    private static let recordLimit = 200

    init(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        while !reader.isAtEnd, records.count < Self.recordLimit { add(&reader) }
    }

    private mutating func add(_ reader: inout InputReader) {
        let head = reader.byte()
        switch head >> 6 {
        case 1: timestamp = min(timestamp + 1, UInt64(Int64.max))
        case 2: timestamp = min(timestamp + 25 * 3_600_000, UInt64(Int64.max))
        case 3: timestamp = reader.number() & UInt64(Int64.max)
        default: break
        }
        let key = head & 0x10 == 0 ? nil : reader.byte()
        let body = head & 0x20 == 0 ? nil : reader.take(Int(reader.byte() % 32))
        let value: [UInt8]
        if head & 8 == 0 {
            var fact = Self.fact(head & 7, &reader)
            if let key {
                fact.idempotencyKey = String(repeating: "k", count: Int(key % 5)) + "\(key)"
                fact.fingerprintLow = UInt64(key / 2)
            }
            value = (try? fact.serializedBytes()) ?? []
        } else {
            value = reader.take(Int(reader.byte()))
        }
        records.append(Record(timestamp: timestamp, value: value, body: body))
    }

    private static func fact(_ kind: UInt8, _ reader: inout InputReader) -> Starling_V1_Fact {
        var fact = Starling_V1_Fact()
        switch kind {
        case 0:
            fact.followed.userID = reader.number()
            fact.followed.targetID = reader.number()
            fact.followed.sinceMs = reader.number()
        case 1:
            fact.unfollowed.userID = reader.number()
            fact.unfollowed.targetID = reader.number()
        case 2: fact.followsImported = imported(&reader)
        case 3:
            fact.postCreated.postID = reader.number()
            fact.postCreated.authorID = reader.number()
            fact.postCreated.visibility = Starling_V1_Post.Visibility(rawValue: Int(reader.byte() % 4)) ?? .public
        case 4:
            fact.postDeleted.postID = reader.number()
            fact.postDeleted.authorID = reader.number()
        case 5:
            fact.fanoutModeChanged.authorID = reader.number()
            let bits = reader.byte()
            fact.fanoutModeChanged.mode = Starling_V1_FanoutMode(rawValue: Int(bits % 4)) ?? .push
            fact.fanoutModeChanged.reason = Starling_V1_FanoutModeChanged.Reason(rawValue: Int(bits / 4 % 4)) ?? .cost
            fact.fanoutModeChanged.followerCount = reader.number()
            fact.fanoutModeChanged.postsPerDay = UInt64(bits) << 26
        case 6:
            fact.acknowledged.operation = UInt32(reader.byte())
            fact.acknowledged.actorID = reader.number()
        case 7: fact.celebrityThresholdChanged.threshold = reader.number()
        default: break
        }
        return fact
    }

    private static func imported(_ reader: inout InputReader) -> Starling_V1_FollowsImported {
        var imported = Starling_V1_FollowsImported()
        let counts = reader.byte()
        imported.users = numbers(Int(counts % 16), &reader)
        // Now and then lists of different lengths.
        imported.targets = numbers(Int(counts % 16) + (counts == 0xff ? 1 : 0), &reader)
        if counts & 0x40 != 0 { imported.sinceEach = imported.users.map { $0 &* 1_000 } }
        if counts & 0x80 != 0 { imported.rowOutcomes = imported.users.map { UInt32(truncatingIfNeeded: $0 % 4) } }
        imported.actorID = reader.number()
        return imported
    }

    private static func numbers(_ count: Int, _ reader: inout InputReader) -> [UInt64] {
        var result: [UInt64] = []
        for _ in 0..<count { result.append(reader.number()) }
        return result
    }
}
