import StarlingMemory
import StarlingSchema
import SwiftProtobuf
import Synchronization

/// The rules in force: changed by the sequencer, read by any thread that is about to submit a post. They may not be committed yet,
/// which does no harm: the sequencer asks them again when they have changed.
final class ModerationRuleStore: Sendable {
    private let rules = Mutex(ModerationRules.none)

    var current: ModerationRules {
        get { rules.withLock { $0 } }
        set { rules.withLock { $0 = newValue } }
    }
}

/// The rules as snapshots keep them: the fact that set them, in bytes. Owned by the sequencer.
final class StoredModerationRules {
    let bytes: MappedTable<UInt8>
    private(set) var byteCount = 0
    let store = ModerationRuleStore()

    /// Two bytes more for each element of a list, and some for its length.
    private static let capacity =
        ModerationRules.maximumBytes + (ModerationRules.maximumWords + ModerationRules.maximumPatterns) * 4 + 256

    init(in memory: RegionMemory) throws(ArenaError) {
        bytes = try MappedTable(capacity: Self.capacity, hugePages: false, in: memory)
    }

    /// Takes over what record `lsn` says.
    func set(_ fact: Starling_V1_ModerationRulesChanged, lsn: UInt64) throws(FactError) {
        do {
            let text: [UInt8] = try fact.serializedBytes()
            store.current = try Self.rules(fact, version: lsn)
            bytes.ensure(count: text.count)
            for (place, byte) in text.enumerated() { bytes.writable(place).pointee = byte }
            byteCount = text.count
        } catch {
            throw FactError(lsn: lsn, reason: "it holds rules of moderation that this version cannot read: \(error)")
        }
    }

    private static func rules(
        _ fact: Starling_V1_ModerationRulesChanged, version: UInt64
    ) throws(EngineError) -> ModerationRules {
        var rules = try ModerationRules(words: fact.words, patterns: fact.patterns)
        rules.version = version
        return rules
    }

    static let versionValue = "moderationRulesVersion"
    static let byteCountValue = "moderationRulesBytes"

    var values: [String: UInt64] {
        [Self.versionValue: store.current.version, Self.byteCountValue: UInt64(byteCount)]
    }

    /// The bytes are loaded.
    func adopt(_ values: [String: UInt64]) throws(ArenaError) {
        guard let version = values[Self.versionValue], version != 0 else { return }
        guard let count = values[Self.byteCountValue].flatMap({ Int(exactly: $0) }), count <= bytes.count else {
            throw .damagedImage("the rules of moderation are missing")
        }
        do {
            let text = Array(UnsafeBufferPointer(start: bytes.rows, count: count))
            let fact = try Starling_V1_ModerationRulesChanged(serializedBytes: text)
            store.current = try Self.rules(fact, version: version)
            byteCount = count
        } catch {
            throw .damagedImage("the rules of moderation: \(error)")
        }
    }
}
