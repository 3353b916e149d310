import SwiftProtobuf

/// Messages in the binary format of Protocol Buffers, as TCP carries them.
public enum MessageCoding {
    /// The most messages inside one another.
    public static let maxDepth = 32

    /// Decodes a message. Unknown fields are dropped. Costs no copy of `bytes` but for strings and bytes fields.
    public static func decode<Content: Message>(
        _ type: Content.Type, from bytes: RawSpan
    ) throws(MessageCodingError) -> Content {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = maxDepth
        options.discardUnknownFields = true
        do {
            return try Content(serializedBytes: bytes, options: options)
        } catch {
            throw MessageCodingError(message: type.protoMessageName, cause: Self.words(for: error))
        }
    }

    /// Encodes a message. It must be shorter than 2 GiB. The same message gives the same bytes: entries of maps are in the order of
    /// their keys.
    public static func encode<Content: Message>(_ message: Content) -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        do {
            return try message.serializedBytes(options: options)
        } catch {
            preconditionFailure("A proto3 message of less than 2 GiB can always be encoded: \(error)")
        }
    }

    private static func words(for error: any Error) -> String {
        switch error as? BinaryDecodingError {
        case .truncated: "it ends within a field"
        case .invalidUTF8: "a string is not UTF-8"
        case .messageDepthLimit: "it is nested more than \(maxDepth) levels deep"
        default: "it is not in the binary format of Protocol Buffers"
        }
    }
}

/// Why bytes are not a message.
public struct MessageCodingError: Error, Equatable, CustomStringConvertible {
    /// The full name of the message that was expected.
    public let message: String
    /// What is wrong, in words.
    public let cause: String

    /// The error in words.
    public var description: String { "the payload is not a \(message): \(cause)" }
}
