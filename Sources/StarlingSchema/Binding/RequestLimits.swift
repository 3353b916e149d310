import SwiftProtobuf

import struct Foundation.Data

/// Checks requests against the limits that the schema states, whatever protocol they came by.
public struct RequestLimits: Sendable {
    private let schema: Schema

    /// Checks requests of this schema.
    public init(schema: Schema) {
        self.schema = schema
    }

    /// Throws at the first field that breaks a limit. Costs one walk over the set fields, and nothing for messages
    /// without limits.
    public func check<Request: Message>(_ request: Request) throws(BindingError) {
        guard let index = schema.messageIndex(named: Request.protoMessageName) else {
            preconditionFailure("Only messages of the schema have limits.")
        }
        guard schema.hasLimits(messageAt: index) else { return }
        var visitor = LimitVisitor(schema: schema, descriptor: schema.message(at: index))
        do {
            try request.traverse(visitor: &visitor)
        } catch let error as BindingError {
            throw error
        } catch {
            preconditionFailure("The walk over a message in memory throws only what the visitor throws.")
        }
    }
}

/// Walks over the set fields of a message. Elements of a repeated field come one after the other with its number.
private struct LimitVisitor: Visitor {
    let schema: Schema
    var descriptor: MessageDescriptor
    var path = FieldPath()
    var lastField = 0
    var count = 0

    /// Counts the element and returns the field. Its path is `path` plus `step(field)`.
    private mutating func enter(_ number: Int) throws(BindingError) -> FieldDescriptor {
        guard let field = descriptor.field(number: number) else {
            preconditionFailure("Generated Swift and embedded schema come from the same .proto files.")
        }
        count = number == lastField ? count + 1 : 1
        lastField = number
        if let maximum = field.limits.maxItems, field.isRepeated, count > maximum {
            path.enter(field: field.jsonName)
            throw failure("holds more than \(maximum) items")
        }
        return field
    }

    private mutating func step(into field: FieldDescriptor) {
        path.enter(field: field.jsonName)
        if field.isRepeated { path.enter(element: count - 1) }
    }

    private mutating func leave(_ field: FieldDescriptor) {
        path.leave()
        if field.isRepeated { path.leave() }
    }

    private func failure(_ message: String) -> BindingError {
        BindingError(.outOfRange, field: path.text, message: message)
    }

    private mutating func check(isBelow: Bool, isAbove: Bool, _ field: FieldDescriptor) throws(BindingError) {
        guard isBelow || isAbove else { return }
        step(into: field)
        switch (field.limits.minimum, field.limits.maximum) {
        case (let minimum?, let maximum?): throw failure("must be from \(minimum) to \(maximum)")
        case (let minimum?, nil): throw failure("must be at least \(minimum)")
        case (nil, let maximum?): throw failure("must be at most \(maximum)")
        case (nil, nil): leave(field)
        }
    }

    private mutating func check(byteCount: Int, _ field: FieldDescriptor) throws(BindingError) {
        guard let maximum = field.limits.maxBytes, byteCount > maximum else { return }
        step(into: field)
        throw failure("is \(byteCount) bytes long, at most \(maximum) are allowed")
    }

    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) throws {
        let field = try enter(fieldNumber)
        let isBelow = field.limits.minimum.map { value < 0 || UInt64(value) < $0 } ?? false
        let isAbove = field.limits.maximum.map { value > 0 && UInt64(value) > $0 } ?? false
        try check(isBelow: isBelow, isAbove: isAbove, field)
    }

    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) throws {
        let field = try enter(fieldNumber)
        let isBelow = field.limits.minimum.map { value < $0 } ?? false
        let isAbove = field.limits.maximum.map { value > $0 } ?? false
        try check(isBelow: isBelow, isAbove: isAbove, field)
    }

    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) throws {
        let field = try enter(fieldNumber)
        let isBelow = field.limits.minimum.map { value.isNaN || value < Double($0) } ?? false
        let isAbove = field.limits.maximum.map { value.isNaN || value > Double($0) } ?? false
        try check(isBelow: isBelow, isAbove: isAbove, field)
    }

    mutating func visitSingularStringField(value: String, fieldNumber: Int) throws {
        try check(byteCount: value.utf8.count, try enter(fieldNumber))
    }

    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) throws {
        try check(byteCount: value.count, try enter(fieldNumber))
    }

    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) throws { _ = try enter(fieldNumber) }

    /// Binary messages carry any number; one without a name is refused, as JSON refuses it.
    mutating func visitSingularEnumField<Value: Enum>(value: Value, fieldNumber: Int) throws {
        let field = try enter(fieldNumber)
        guard case .enumeration(let index) = field.type,
            schema.enumeration(at: index).value(number: value.rawValue) == nil
        else { return }
        step(into: field)
        throw failure("must be \(ScalarWriter(schema: schema).expectation(of: field))")
    }

    mutating func visitSingularMessageField<Content: Message>(value: Content, fieldNumber: Int) throws {
        let field = try enter(fieldNumber)
        guard case .message(let index) = field.type, schema.hasLimits(messageAt: index) else { return }
        step(into: field)
        let outer = (descriptor, lastField, count)
        descriptor = schema.message(at: index)
        lastField = 0
        try value.traverse(visitor: &self)
        (descriptor, lastField, count) = outer
        leave(field)
    }

    mutating func visitMapField<Key, Value: MapValueType>(
        fieldType: _ProtobufMap<Key, Value>.Type, value: _ProtobufMap<Key, Value>.BaseType, fieldNumber: Int
    ) throws { try checkMap(count: value.count, fieldNumber) }

    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufEnumMap<Key, Value>.Type, value: _ProtobufEnumMap<Key, Value>.BaseType, fieldNumber: Int
    ) throws where Value.RawValue == Int { try checkMap(count: value.count, fieldNumber) }

    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufMessageMap<Key, Value>.Type, value: _ProtobufMessageMap<Key, Value>.BaseType,
        fieldNumber: Int
    ) throws { try checkMap(count: value.count, fieldNumber) }

    /// Of a map only the number of entries is limited.
    private mutating func checkMap(count: Int, _ number: Int) throws(BindingError) {
        let field = try enter(number)
        if let maximum = field.limits.maxItems, count > maximum {
            path.enter(field: field.jsonName)
            throw failure("holds more than \(maximum) entries")
        }
    }

    mutating func visitUnknown(bytes: Data) {}
}
