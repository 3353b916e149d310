/// What a field holds. Messages and enums are named by their place in the `Schema`.
public enum FieldType: Sendable, Hashable {
    /// A 64-bit floating-point number.
    case double
    /// A 32-bit floating-point number.
    case float
    /// A signed integer of 32 bits, in one of the encodings of the wire format.
    case signed32(IntegerEncoding)
    /// A signed integer of 64 bits. JSON shows it as a string.
    case signed64(IntegerEncoding)
    /// An unsigned integer of 32 bits.
    case unsigned32(IntegerEncoding)
    /// An unsigned integer of 64 bits. JSON shows it as a string.
    case unsigned64(IntegerEncoding)
    /// True or false.
    case bool
    /// UTF-8 text.
    case string
    /// Any bytes. JSON shows them in base64.
    case bytes
    /// A message: an index for `Schema.message(at:)`.
    case message(Int)
    /// An enum: an index for `Schema.enumeration(at:)`.
    case enumeration(Int)
}

/// How the wire format writes an integer.
public enum IntegerEncoding: Sendable, Hashable {
    /// As many groups of seven bits as needed.
    case varint
    /// A varint in which small negative numbers are short too.
    case zigZag
    /// Always 4 or 8 bytes, little endian.
    case fixed
}

/// The bounds that a request has to keep in one field. Absent bounds are not checked.
public struct FieldLimits: Sendable, Hashable {
    /// The most elements of a repeated field.
    public var maxItems: Int?
    /// The most bytes of a string, in UTF-8, or of a bytes field.
    public var maxBytes: Int?
    /// The least value of a number.
    public var minimum: UInt64?
    /// The greatest value of a number.
    public var maximum: UInt64?

    /// No bound at all.
    public static let none = FieldLimits()

    /// Whether any bound is set.
    public var isEmpty: Bool { self == .none }
}

/// One field of a message. Immutable; a class for the same reason as `MessageDescriptor`.
public final class FieldDescriptor: Sendable {
    /// The name in the .proto file, in snake case.
    public let name: String
    /// The name in JSON, in lower camel case.
    public let jsonName: String
    /// The number on the wire.
    public let number: Int
    /// What it holds.
    public let type: FieldType
    /// Whether it holds any number of values. Maps are repeated entry messages.
    public let isRepeated: Bool
    /// Whether "not set" differs from the default value.
    public let hasPresence: Bool
    /// The oneof it belongs to, as an index into the message's oneofs. `optional` alone does not count.
    public let oneofIndex: Int?
    /// What a request may put into it.
    public let limits: FieldLimits
    /// The comment above it in the .proto file.
    public let comment: String

    init(
        name: String, jsonName: String, number: Int, type: FieldType, isRepeated: Bool, hasPresence: Bool,
        oneofIndex: Int?, limits: FieldLimits, comment: String
    ) {
        self.name = name
        self.jsonName = jsonName
        self.number = number
        self.type = type
        self.isRepeated = isRepeated
        self.hasPresence = hasPresence
        self.oneofIndex = oneofIndex
        self.limits = limits
        self.comment = comment
    }
}
