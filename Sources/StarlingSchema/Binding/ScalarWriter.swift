/// Writes one scalar value, given as text, into the field of a message. Used for JSON, paths and queries alike.
struct ScalarWriter {
    let schema: Schema

    /// Why the text is no value of the field.
    struct Failure: Error {
        let reason: BindingError.Reason
        let message: String
    }

    /// Writes a number, or an enum value by its number. `allowsExponent` as in `DecimalInteger`.
    func writeNumber(
        _ text: some Collection<UInt8>, allowsExponent: Bool, field: FieldDescriptor, to writer: inout WireWriter
    ) throws(Failure) {
        switch field.type {
        case .double, .float:
            try writeFloatingPoint(text, field: field, to: &writer)
            return
        case .signed32, .signed64, .unsigned32, .unsigned64, .enumeration:
            break
        case .bool, .string, .bytes, .message:
            throw wrongType(field)
        }
        let integer: DecimalInteger
        do {
            integer = try DecimalInteger(text, allowsExponent: allowsExponent)
        } catch {
            switch error {
            case .outOfRange: throw outOfRange(field)
            case .notANumber, .notAnInteger: throw wrongType(field)
            }
        }
        try write(integer, field: field, to: &writer)
    }

    /// Writes text that is in quotes in JSON.
    func writeString(_ text: String, field: FieldDescriptor, to writer: inout WireWriter) throws(Failure) {
        switch field.type {
        case .string:
            writer.writeBytes(text.utf8, field: field.number)
        case .bytes:
            guard let bytes = Base64.decode(text.utf8) else { throw wrongType(field) }
            writer.writeBytes(bytes, field: field.number)
        case .enumeration(let index):
            guard let value = schema.enumeration(at: index).value(named: text) else { throw outOfRange(field) }
            writer.writeVarint(UInt64(bitPattern: Int64(value.number)), field: field.number)
        case .signed32, .signed64, .unsigned32, .unsigned64, .double, .float:
            try writeNumber(text.utf8, allowsExponent: true, field: field, to: &writer)
        case .message(let index) where schema.message(at: index).wellKnown == .timestamp:
            guard let timestamp = TimestampText(text.utf8) else { throw wrongType(field) }
            let start = writer.begin(field: field.number)
            writer.writeVarint(UInt64(bitPattern: timestamp.seconds), field: 1)
            writer.writeVarint(UInt64(bitPattern: Int64(timestamp.nanoseconds)), field: 2)
            writer.end(start)
        case .bool, .message:
            throw wrongType(field)
        }
    }

    /// Writes a truth value.
    func writeBool(_ value: Bool, field: FieldDescriptor, to writer: inout WireWriter) throws(Failure) {
        guard field.type == .bool else { throw wrongType(field) }
        writer.writeVarint(value ? 1 : 0, field: field.number)
    }

    /// Writes the text of a path segment, a query item or the key of a JSON object, where nothing has quotes.
    func writeBareText(_ text: String, field: FieldDescriptor, to writer: inout WireWriter) throws(Failure) {
        switch field.type {
        case .bool:
            guard text == "true" || text == "false" else { throw wrongType(field) }
            try writeBool(text == "true", field: field, to: &writer)
        case .signed32, .signed64, .unsigned32, .unsigned64, .double, .float:
            try writeNumber(text.utf8, allowsExponent: false, field: field, to: &writer)
        case .string, .bytes, .enumeration, .message:
            try writeString(text, field: field, to: &writer)
        }
    }

    private func write(
        _ integer: DecimalInteger, field: FieldDescriptor, to writer: inout WireWriter
    ) throws(Failure) {
        let number = field.number
        switch field.type {
        case .unsigned32(let encoding):
            guard let value: UInt32 = integer.unsigned() else { throw outOfRange(field) }
            if encoding == .fixed {
                writer.writeFixed32(value, field: number)
            } else {
                writer.writeVarint(UInt64(value), field: number)
            }
        case .unsigned64(let encoding):
            guard let value: UInt64 = integer.unsigned() else { throw outOfRange(field) }
            if encoding == .fixed {
                writer.writeFixed64(value, field: number)
            } else {
                writer.writeVarint(value, field: number)
            }
        case .signed32(let encoding):
            guard let value: Int32 = integer.signed() else { throw outOfRange(field) }
            switch encoding {
            case .fixed: writer.writeFixed32(UInt32(bitPattern: value), field: number)
            case .zigZag: writer.writeVarint(Self.zigZag(Int64(value)), field: number)
            case .varint: writer.writeVarint(UInt64(bitPattern: Int64(value)), field: number)
            }
        case .signed64(let encoding):
            guard let value: Int64 = integer.signed() else { throw outOfRange(field) }
            switch encoding {
            case .fixed: writer.writeFixed64(UInt64(bitPattern: value), field: number)
            case .zigZag: writer.writeVarint(Self.zigZag(value), field: number)
            case .varint: writer.writeVarint(UInt64(bitPattern: value), field: number)
            }
        case .enumeration(let index):
            guard let value: Int32 = integer.signed(), schema.enumeration(at: index).value(number: Int(value)) != nil
            else { throw outOfRange(field) }
            writer.writeVarint(UInt64(bitPattern: Int64(value)), field: number)
        case .double, .float, .bool, .string, .bytes, .message:
            throw wrongType(field)
        }
    }

    private func writeFloatingPoint(
        _ text: some Collection<UInt8>, field: FieldDescriptor, to writer: inout WireWriter
    ) throws(Failure) {
        // Double's own reading also takes hexadecimal digits, "inf" and "nan", which are no numbers in JSON.
        let characters = Set("0123456789+-.eE".utf8)
        guard text.allSatisfy(characters.contains), let string = String(validating: text, as: UTF8.self),
            let value = Double(string)
        else { throw wrongType(field) }
        if field.type == .float {
            guard Float(value).isFinite else { throw outOfRange(field) }
            writer.writeFixed32(Float(value).bitPattern, field: field.number)
        } else {
            guard value.isFinite else { throw outOfRange(field) }
            writer.writeFixed64(value.bitPattern, field: field.number)
        }
    }

    /// Maps 0, -1, 1, -2, 2 to 0, 1, 2, 3, 4.
    private static func zigZag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }

    func wrongType(_ field: FieldDescriptor) -> Failure {
        Failure(reason: .wrongType, message: "must be \(expectation(of: field))")
    }

    private func outOfRange(_ field: FieldDescriptor) -> Failure {
        Failure(reason: .outOfRange, message: "must be \(expectation(of: field))")
    }

    /// What a value of the field looks like, in words.
    func expectation(of field: FieldDescriptor) -> String {
        switch field.type {
        case .double, .float: "a number"
        case .signed32: "an integer from \(Int32.min) to \(Int32.max)"
        case .signed64: "an integer from \(Int64.min) to \(Int64.max)"
        case .unsigned32: "an integer from 0 to \(UInt32.max)"
        case .unsigned64: "an integer from 0 to \(UInt64.max)"
        case .bool: "true or false"
        case .string: "a string"
        case .bytes: "a string in base64"
        case .enumeration(let index):
            "one of " + schema.enumeration(at: index).values.map(\.name).joined(separator: ", ")
        case .message(let index):
            if schema.message(at: index).wellKnown == .timestamp {
                "a time as in 2026-01-02T03:04:05Z (RFC 3339), from the year 1 to 9999"
            } else {
                "an object"
            }
        }
    }
}
