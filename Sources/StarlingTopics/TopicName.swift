/// The name of a topic: 1 to 200 of `A-Z a-z 0-9 . _ -`, not beginning with a dot. It never becomes part of a file's name.
public struct TopicName: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The name itself.
    public let text: String

    /// What a name may look like, in words.
    public static let rule = "a name has 1 to 200 characters of A-Z a-z 0-9 . _ - and does not begin with a dot"

    /// Nil for a text that breaks the rule.
    public init?(_ text: String) {
        let bytes = text.utf8
        guard (1...200).contains(bytes.count), bytes.first != UInt8(ascii: "."), bytes.allSatisfy(Self.isAllowed) else {
            return nil
        }
        self.text = text
    }

    private init(system text: String) { self.text = text }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The text.
    public var description: String { text }

    /// In the order of their bytes.
    public static func < (left: TopicName, right: TopicName) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

extension TopicName {
    /// One record for each finished fan-out.
    public static let feedEvents = TopicName(system: "feed-events")

    /// Names that belong to the system: nobody else may create or produce to them.
    public static let system: Set<TopicName> = [
        TopicName(system: "events"), .feedEvents, TopicName(system: "notifications"), TopicName(system: "moderation"),
        TopicName(system: "dead-letters"),
    ]
}
