/// One enum of the schema.
public struct EnumDescriptor: Sendable {
    /// One value of an enum.
    public struct Value: Sendable {
        /// The name, as JSON shows it.
        public let name: String
        /// The number on the wire.
        public let number: Int
        /// The comment above it in the .proto file.
        public let comment: String
    }

    /// The name with its package.
    public let fullName: String
    /// The values in the order of the .proto file.
    public let values: [Value]
    /// The comment above it in the .proto file.
    public let comment: String

    /// The value with this name, as JSON writes it.
    public func value(named name: String) -> Value? {
        values.first { $0.name == name }
    }

    /// The value with this number.
    public func value(number: Int) -> Value? {
        if values.indices.contains(number), values[number].number == number { return values[number] }
        return values.first { $0.number == number }
    }
}
