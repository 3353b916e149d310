import SwiftProtobuf

/// Prints messages as proto3 JSON: names in lower camel case, 64-bit integers as strings, times in RFC 3339.
///
/// Fields that cannot be "not set" are always printed, so a client finds `changed: false` and a count of 0. Fields that
/// can be (`optional`, messages) are printed only when they are set. Fields come in the order of their numbers and maps
/// in the order of their keys, so equal messages give equal bytes.
public struct JSONAnswer: Sendable {
    private let schema: Schema

    /// Prints messages of this schema.
    public init(schema: Schema) {
        self.schema = schema
    }

    /// The JSON of `message`, in UTF-8. The message must be of a type that is in the schema.
    public func encode<Answer: Message>(_ message: Answer) -> [UInt8] {
        guard let index = schema.messageIndex(named: Answer.protoMessageName) else {
            preconditionFailure("Only messages of the schema have a JSON form here.")
        }
        var visitor = JSONAnswerVisitor(schema: schema)
        do {
            try visitor.printObject(message, descriptor: index)
        } catch {
            preconditionFailure("Printing JSON to memory throws no error of its own.")
        }
        return visitor.writer.bytes
    }
}
