import SwiftProtobuf

/// Collects the types of all files first and resolves the names between them afterwards.
struct SchemaBuilder {
    private struct PendingMessage {
        let fullName: String
        let proto: Google_Protobuf_DescriptorProto
        let comments: CommentIndex
        let path: [Int32]
    }

    private var pending: [PendingMessage] = []
    private(set) var enumerations: [EnumDescriptor] = []
    private(set) var services: [ServiceDescriptor] = []
    private(set) var messageIndexByName: [String: Int] = [:]
    private(set) var enumIndexByName: [String: Int] = [:]

    /// Field numbers of `google/protobuf/descriptor.proto`, of which the paths of comments are made.
    private enum Path {
        static let fileMessages: Int32 = 4
        static let fileEnums: Int32 = 5
        static let fileServices: Int32 = 6
        static let messageFields: Int32 = 2
        static let messageMessages: Int32 = 3
        static let messageEnums: Int32 = 4
        static let enumValues: Int32 = 2
        static let serviceMethods: Int32 = 2
    }

    /// Takes in the types of one file.
    mutating func collect(_ file: Google_Protobuf_FileDescriptorProto) {
        let comments = CommentIndex(file.sourceCodeInfo)
        for (place, message) in file.messageType.enumerated() {
            collect(message, within: file.package, at: [Path.fileMessages, Int32(place)], comments: comments)
        }
        for (place, enumeration) in file.enumType.enumerated() {
            collect(enumeration, within: file.package, at: [Path.fileEnums, Int32(place)], comments: comments)
        }
        for (place, service) in file.service.enumerated() {
            let path = [Path.fileServices, Int32(place)]
            let methods = service.method.enumerated().map { place, method in
                let comment = comments.comment(at: path + [Path.serviceMethods, Int32(place)])
                return ServiceDescriptor.Method(proto: method, comment: comment)
            }
            services.append(
                ServiceDescriptor(
                    fullName: "\(file.package).\(service.name)", name: service.name,
                    comment: comments.comment(at: path), methods: methods))
        }
    }

    private mutating func collect(
        _ message: Google_Protobuf_DescriptorProto, within scope: String, at path: [Int32], comments: CommentIndex
    ) {
        let fullName = "\(scope).\(message.name)"
        messageIndexByName[fullName] = pending.count
        pending.append(PendingMessage(fullName: fullName, proto: message, comments: comments, path: path))
        for (place, nested) in message.nestedType.enumerated() {
            collect(nested, within: fullName, at: path + [Path.messageMessages, Int32(place)], comments: comments)
        }
        for (place, nested) in message.enumType.enumerated() {
            collect(nested, within: fullName, at: path + [Path.messageEnums, Int32(place)], comments: comments)
        }
    }

    private mutating func collect(
        _ enumeration: Google_Protobuf_EnumDescriptorProto, within scope: String, at path: [Int32],
        comments: CommentIndex
    ) {
        let fullName = "\(scope).\(enumeration.name)"
        let values = enumeration.value.enumerated().map { place, value in
            EnumDescriptor.Value(
                name: value.name, number: Int(value.number),
                comment: comments.comment(at: path + [Path.enumValues, Int32(place)]))
        }
        enumIndexByName[fullName] = enumerations.count
        enumerations.append(
            EnumDescriptor(fullName: fullName, values: values, comment: comments.comment(at: path)))
    }

    /// All messages, in the order of `messageIndexByName`.
    func resolvedMessages() throws(SchemaError) -> [MessageDescriptor] {
        var messages: [MessageDescriptor] = []
        messages.reserveCapacity(pending.count)
        for message in pending { messages.append(try resolved(message)) }
        return messages
    }

    private func resolved(_ message: PendingMessage) throws(SchemaError) -> MessageDescriptor {
        let count = message.proto.field.count
        guard count <= MessageDescriptor.maxFields else {
            throw .tooManyFields(message: message.fullName, count: count, limit: MessageDescriptor.maxFields)
        }
        var fields: [FieldDescriptor] = []
        var names: Set<String> = []
        for (place, field) in message.proto.field.enumerated() {
            let comment = message.comments.comment(at: message.path + [Path.messageFields, Int32(place)])
            let descriptor = try resolved(field, of: message, comment: comment)
            for name in Set([descriptor.name, descriptor.jsonName]) where !names.insert(name).inserted {
                throw .duplicateFieldName(message: message.fullName, name: name)
            }
            fields.append(descriptor)
        }
        return MessageDescriptor(
            fullName: message.fullName, fields: fields, isMapEntry: message.proto.options.mapEntry,
            wellKnown: message.fullName == "google.protobuf.Timestamp" ? .timestamp : nil,
            comment: message.comments.comment(at: message.path))
    }

    private func resolved(
        _ field: Google_Protobuf_FieldDescriptorProto, of message: PendingMessage, comment: String
    ) throws(SchemaError) -> FieldDescriptor {
        let type = try resolvedType(of: field, in: message.fullName)
        let isRepeated = field.label == .repeated
        let isInOneof = field.hasOneofIndex && !field.proto3Optional
        let isMessage = if case .message = type { true } else { false }
        return FieldDescriptor(
            name: field.name, jsonName: field.jsonName, number: Int(field.number), type: type, isRepeated: isRepeated,
            hasPresence: !isRepeated && (isMessage || isInOneof || field.proto3Optional),
            oneofIndex: isInOneof ? Int(field.oneofIndex) : nil,
            limits: FieldLimits(field.options), comment: comment)
    }

    private func resolvedType(
        of field: Google_Protobuf_FieldDescriptorProto, in message: String
    ) throws(SchemaError) -> FieldType {
        let name = "\(message).\(field.name)"
        switch field.type {
        case .double: return .double
        case .float: return .float
        case .int32: return .signed32(.varint)
        case .sint32: return .signed32(.zigZag)
        case .sfixed32: return .signed32(.fixed)
        case .int64: return .signed64(.varint)
        case .sint64: return .signed64(.zigZag)
        case .sfixed64: return .signed64(.fixed)
        case .uint32: return .unsigned32(.varint)
        case .fixed32: return .unsigned32(.fixed)
        case .uint64: return .unsigned64(.varint)
        case .fixed64: return .unsigned64(.fixed)
        case .bool: return .bool
        case .string: return .string
        case .bytes: return .bytes
        case .message:
            guard let index = messageIndexByName[String(field.typeName.dropFirst())] else {
                throw .unknownType(field: name, type: field.typeName)
            }
            return .message(index)
        case .enum:
            guard let index = enumIndexByName[String(field.typeName.dropFirst())] else {
                throw .unknownType(field: name, type: field.typeName)
            }
            return .enumeration(index)
        case .group:
            throw .unsupportedField(field: name, reason: "groups have no JSON form; use a message")
        }
    }
}

extension FieldLimits {
    /// The limits that the options of a field state.
    init(_ options: Google_Protobuf_FieldOptions) {
        guard options.hasStarling_V1_limits else {
            self = .none
            return
        }
        let limits = options.Starling_V1_limits
        self.init(
            maxItems: limits.hasMaxItems ? Int(limits.maxItems) : nil,
            maxBytes: limits.hasMaxBytes ? Int(limits.maxBytes) : nil,
            minimum: limits.hasMinimum ? limits.minimum : nil,
            maximum: limits.hasMaximum ? limits.maximum : nil)
    }
}
