import SwiftProtobuf

import struct Foundation.Data

/// The header `Location` of an answer.
public enum LocationHeader {
    /// Where the thing that `answer` tells of can be found. Fields that are not set stand as `0` or as nothing.
    public static func value<Answer: Message>(of template: LocationTemplate, in answer: Answer) -> String {
        var text = ""
        for part in template.parts {
            switch part {
            case .text(let literal):
                text += literal
            case .value(let path):
                var finder = ScalarFinder(path: path[...])
                do { try answer.traverse(visitor: &finder) } catch { continue }
                text += finder.found ?? "0"
            }
        }
        return text
    }
}

/// Finds the integer or string at a path of field numbers.
private struct ScalarFinder: Visitor {
    var path: ArraySlice<Int>
    var found: String?

    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) { take("\(value)", fieldNumber) }

    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) { take("\(value)", fieldNumber) }

    mutating func visitSingularStringField(value: String, fieldNumber: Int) {
        take(PercentEncoding.encode(value), fieldNumber)
    }

    mutating func visitSingularMessageField<Content: Message>(value: Content, fieldNumber: Int) throws {
        guard path.count > 1, path.first == fieldNumber else { return }
        let outer = path
        path = path.dropFirst()
        try value.traverse(visitor: &self)
        path = outer
    }

    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) {}
    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) {}
    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) {}
    mutating func visitSingularEnumField<Value: Enum>(value: Value, fieldNumber: Int) {}
    mutating func visitMapField<Key, Value: MapValueType>(
        fieldType: _ProtobufMap<Key, Value>.Type, value: _ProtobufMap<Key, Value>.BaseType, fieldNumber: Int
    ) {}
    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufEnumMap<Key, Value>.Type, value: _ProtobufEnumMap<Key, Value>.BaseType, fieldNumber: Int
    ) where Value.RawValue == Int {}
    mutating func visitMapField<Key, Value>(
        fieldType: _ProtobufMessageMap<Key, Value>.Type, value: _ProtobufMessageMap<Key, Value>.BaseType,
        fieldNumber: Int
    ) {}
    mutating func visitUnknown(bytes: Data) {}

    private mutating func take(_ text: String, _ fieldNumber: Int) {
        if path.count == 1, path.first == fieldNumber { found = text }
    }
}
