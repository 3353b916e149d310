import SwiftProtobuf

import struct Foundation.Data

/// Walks over the set fields of a message and prints them, and between them those that the walk leaves out because
/// they have their default value.
///
/// The walk that SwiftProtobuf generates comes by the fields in the order of their numbers, and by the elements of a
/// repeated field one after the other. So a field is complete when another number comes, and every field between the
/// two has its default value.
struct JSONAnswerVisitor: Visitor {
    /// The object that is being printed.
    private struct Frame {
        let descriptor: MessageDescriptor
        /// The place in the descriptor of the first field that has not been printed.
        var next = 0
        /// The number of the repeated field whose array is open.
        var openArray: Int?
        var isFirst = true
        /// Set inside a map, where values stand behind keys that were printed already.
        var printsBareValues = false
    }

    let schema: Schema
    private(set) var writer = JSONWriter()
    private var frame = Frame(
        descriptor: MessageDescriptor(fullName: "", fields: [], isMapEntry: false, wellKnown: nil, comment: ""))

    init(schema: Schema) { self.schema = schema }

    mutating func printObject<Content: Message>(_ message: Content, descriptor index: Int) throws {
        let outer = frame
        frame = Frame(descriptor: schema.message(at: index))
        writer.write("{")
        try message.traverse(visitor: &self)
        closeArray()
        printDefaults(upTo: frame.descriptor.fields.count)
        writer.write("}")
        frame = outer
    }

    /// Prints what stands before the value of a field, and returns the field.
    private mutating func begin(_ number: Int) -> FieldDescriptor {
        guard let index = frame.descriptor.index(ofField: number) else {
            preconditionFailure("Generated Swift and embedded schema come from the same .proto files.")
        }
        let field = frame.descriptor.fields[index]
        if frame.printsBareValues { return field }
        if frame.openArray == number {
            writer.write(",")
            return field
        }
        closeArray()
        printDefaults(upTo: index)
        frame.next = index + 1
        printName(of: field)
        if field.isRepeated, !isMap(field) {
            writer.write("[")
            frame.openArray = number
        }
        return field
    }

    private mutating func closeArray() {
        guard frame.openArray != nil else { return }
        writer.write("]")
        frame.openArray = nil
    }

    private mutating func printName(of field: FieldDescriptor) {
        if !frame.isFirst { writer.write(",") }
        frame.isFirst = false
        writer.write("\"")
        writer.write(raw: field.jsonName)
        writer.write(raw: "\":")
    }

    private mutating func printDefaults(upTo end: Int) {
        while frame.next < end {
            let field = frame.descriptor.fields[frame.next]
            frame.next += 1
            guard !field.hasPresence else { continue }
            printName(of: field)
            writer.write(raw: defaultValue(of: field))
        }
    }

    private func defaultValue(of field: FieldDescriptor) -> String {
        if isMap(field) { return "{}" }
        if field.isRepeated { return "[]" }
        switch field.type {
        case .double, .float, .signed32, .unsigned32: return "0"
        case .signed64, .unsigned64: return "\"0\""
        case .bool: return "false"
        case .string, .bytes: return "\"\""
        case .enumeration(let index):
            return "\"\(schema.enumeration(at: index).value(number: 0)?.name ?? "0")\""
        case .message: return "null"
        }
    }

    private func isMap(_ field: FieldDescriptor) -> Bool {
        guard field.isRepeated, case .message(let index) = field.type else { return false }
        return schema.message(at: index).isMapEntry
    }

    // MARK: Singular values; repeated ones arrive as a sequence of these

    mutating func visitSingularFloatField(value: Float, fieldNumber: Int) {
        _ = begin(fieldNumber)
        writer.write(raw: value.isFinite ? "\(value)" : Self.nameOfNonFinite(Double(value)))
    }

    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) {
        _ = begin(fieldNumber)
        writer.write(raw: value.isFinite ? "\(value)" : Self.nameOfNonFinite(value))
    }

    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) {
        printInteger("\(value)", begin(fieldNumber))
    }

    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) {
        printInteger("\(value)", begin(fieldNumber))
    }

    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) {
        _ = begin(fieldNumber)
        writer.write(raw: value ? "true" : "false")
    }

    mutating func visitSingularStringField(value: String, fieldNumber: Int) {
        _ = begin(fieldNumber)
        writer.write(string: value)
    }

    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) {
        _ = begin(fieldNumber)
        writer.write(base64: value)
    }

    mutating func visitSingularEnumField<Value: Enum>(value: Value, fieldNumber: Int) {
        let field = begin(fieldNumber)
        if case .enumeration(let index) = field.type,
            let known = schema.enumeration(at: index).value(number: value.rawValue)
        {
            writer.write(string: known.name)
        } else {
            writer.write(raw: "\(value.rawValue)")
        }
    }

    mutating func visitSingularMessageField<Content: Message>(value: Content, fieldNumber: Int) throws {
        let field = begin(fieldNumber)
        if let timestamp = value as? Google_Protobuf_Timestamp {
            writer.write(timestamp: TimestampText(seconds: timestamp.seconds, nanoseconds: timestamp.nanos))
        } else if case .message(let index) = field.type {
            try printObject(value, descriptor: index)
        }
    }

    /// 32-bit values are widened on the way here, so the field says whether quotes are needed.
    private mutating func printInteger(_ digits: String, _ field: FieldDescriptor) {
        switch field.type {
        case .signed64, .unsigned64:
            writer.write("\"")
            writer.write(raw: digits)
            writer.write("\"")
        case .double, .float, .signed32, .unsigned32, .bool, .string, .bytes, .message, .enumeration:
            writer.write(raw: digits)
        }
    }

    private static func nameOfNonFinite(_ value: Double) -> String {
        value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\""
    }

    // MARK: Maps

    mutating func visitMapField<Key, Value: MapValueType>(
        fieldType: _ProtobufMap<Key, Value>.Type, value: _ProtobufMap<Key, Value>.BaseType, fieldNumber: Int
    ) throws {
        try printMap(value, fieldNumber) { element, visitor in
            try Value.visitSingular(value: element, fieldNumber: 2, with: &visitor)
        }
    }

    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufEnumMap<Key, Value>.Type, value: _ProtobufEnumMap<Key, Value>.BaseType, fieldNumber: Int
    ) throws where Value.RawValue == Int {
        try printMap(value, fieldNumber) { element, visitor in
            visitor.visitSingularEnumField(value: element, fieldNumber: 2)
        }
    }

    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufMessageMap<Key, Value>.Type, value: _ProtobufMessageMap<Key, Value>.BaseType,
        fieldNumber: Int
    ) throws {
        try printMap(value, fieldNumber) { element, visitor in
            try visitor.visitSingularMessageField(value: element, fieldNumber: 2)
        }
    }

    private mutating func printMap<Key: Hashable, Value>(
        _ map: [Key: Value], _ number: Int, _ printValue: (Value, inout JSONAnswerVisitor) throws -> Void
    ) throws {
        let field = begin(number)
        guard case .message(let index) = field.type else { return }
        let outer = frame
        frame = Frame(descriptor: schema.message(at: index), printsBareValues: true)
        writer.write("{")
        var isFirst = true
        for (key, value) in map.map({ ("\($0.key)", $0.value) }).sorted(by: { $0.0 < $1.0 }) {
            if !isFirst { writer.write(",") }
            isFirst = false
            writer.write(string: key)
            writer.write(":")
            try printValue(value, &self)
        }
        writer.write("}")
        frame = outer
    }

    /// Fields of a newer schema have no name here.
    mutating func visitUnknown(bytes: Data) {}
}
