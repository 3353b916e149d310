import SwiftProtobuf

/// The compiled .proto files in a form that is quick to look things up in.
///
/// Immutable, so every thread may use one. Building it takes a few milliseconds: build it once, at start.
public struct Schema: Sendable {
    let messages: [MessageDescriptor]
    let enumerations: [EnumDescriptor]
    let services: [ServiceDescriptor]
    private let messageIndexByName: [String: Int]
    private let enumIndexByName: [String: Int]

    /// For each message, whether it or a message inside it has a field with limits, which an enum has by its nature.
    private let hasLimits: [Bool]

    /// The files embedded in this library.
    public init() throws(SchemaError) {
        guard let bytes = Base64.decode(embeddedDescriptorSet.utf8) else { throw .unreadable }
        try self.init(serializedFiles: bytes)
    }

    /// Files compiled by protoc: a `google.protobuf.FileDescriptorSet`, in which a file comes after those it imports.
    public init(serializedFiles: [UInt8]) throws(SchemaError) {
        let extensions = Starling_V1_Options_Extensions.union(Google_Api_Annotations_Extensions)
        let set: Google_Protobuf_FileDescriptorSet
        do {
            set = try Google_Protobuf_FileDescriptorSet(serializedBytes: serializedFiles, extensions: extensions)
        } catch {
            throw .unreadable
        }
        var builder = SchemaBuilder()
        for file in set.file { builder.collect(file) }
        messages = try builder.resolvedMessages()
        enumerations = builder.enumerations
        services = builder.services
        messageIndexByName = builder.messageIndexByName
        enumIndexByName = builder.enumIndexByName
        hasLimits = Self.messagesWithLimits(messages)
    }

    /// The message at an index that a `FieldType` named.
    public func message(at index: Int) -> MessageDescriptor { messages[index] }

    /// The enum at an index that a `FieldType` named.
    public func enumeration(at index: Int) -> EnumDescriptor { enumerations[index] }

    /// The message with this full name.
    public func message(named fullName: String) -> MessageDescriptor? {
        messageIndexByName[fullName].map { messages[$0] }
    }

    /// The enum with this full name.
    public func enumeration(named fullName: String) -> EnumDescriptor? {
        enumIndexByName[fullName].map { enumerations[$0] }
    }

    func messageIndex(named fullName: String) -> Int? { messageIndexByName[fullName] }

    /// Whether a request of this type has anything for `RequestLimits` to check.
    func hasLimits(messageAt index: Int) -> Bool { hasLimits[index] }

    /// Spreads "has limits" from the inner messages to the outer ones until nothing changes.
    private static func messagesWithLimits(_ messages: [MessageDescriptor]) -> [Bool] {
        var marked = messages.map { message in
            message.fields.contains { field in
                if case .enumeration = field.type { true } else { !field.limits.isEmpty }
            }
        }
        var changed = true
        while changed {
            changed = false
            for (index, message) in messages.enumerated() where !marked[index] {
                let inner = message.fields.contains { field in
                    if case .message(let inner) = field.type { marked[inner] } else { false }
                }
                if inner {
                    marked[index] = true
                    changed = true
                }
            }
        }
        return marked
    }
}

/// One service of the schema, as the .proto file has it.
struct ServiceDescriptor: Sendable {
    struct Method: Sendable {
        let proto: Google_Protobuf_MethodDescriptorProto
        let comment: String
    }

    let fullName: String
    let name: String
    let comment: String
    let methods: [Method]
}
