/// Turns the JSON form of a message into its binary form, field by field as the schema says.
///
/// The binary form is never more than a few times as long as the JSON, whatever the JSON claims, and nesting is
/// limited, so a hostile body costs no more than its own size.
struct JSONTranscoder {
    /// The most objects and arrays inside one another.
    static let maxDepth = 32

    private let schema: Schema
    private let scalars: ScalarWriter
    private var reader: JSONReader
    private var path = FieldPath()
    private var writer: WireWriter

    private init(schema: Schema, body: [UInt8], writer: WireWriter) {
        self.schema = schema
        scalars = ScalarWriter(schema: schema)
        reader = JSONReader(body)
        self.writer = writer
    }

    /// Appends the fields of the JSON object `body` to `writer`.
    static func transcode(
        _ body: [UInt8], to message: MessageDescriptor, schema: Schema, into writer: inout WireWriter
    ) throws(BindingError) {
        var transcoder = JSONTranscoder(schema: schema, body: body, writer: writer)
        let kind = try transcoder.reading { reader throws(JSONReader.Failure) in try reader.nextKind() }
        guard kind == .object else {
            throw BindingError(.wrongType, field: "", message: "the body must be a JSON object")
        }
        try transcoder.readObject(message, depth: 1)
        try transcoder.reading { reader throws(JSONReader.Failure) in try reader.expectEnd() }
        writer = transcoder.writer
    }

    private mutating func readObject(_ message: MessageDescriptor, depth: Int) throws(BindingError) {
        try check(depth)
        try expect("{", "at the beginning of an object")
        if reader.take("}") { return }
        var seenFields: UInt64 = 0
        var seenOneofs: UInt64 = 0
        repeat {
            let name = try reading { reader throws(JSONReader.Failure) in try reader.readString() }
            guard let index = message.index(named: name) else {
                path.enter(field: name)
                throw failure(.unknownField, "is not a field of \(message.name)")
            }
            let field = message.fields[index]
            path.enter(field: field.jsonName)
            guard seenFields & (1 << UInt64(index)) == 0 else { throw failure(.duplicate, "is given twice") }
            seenFields |= 1 << UInt64(index)
            try expect(":", "after the name of a field")
            let isSet = try readField(field, depth: depth)
            if isSet, let oneof = field.oneofIndex {
                guard seenOneofs & (1 << UInt64(oneof)) == 0 else {
                    throw failure(.duplicate, "excludes another field that is given too")
                }
                seenOneofs |= 1 << UInt64(oneof)
            }
            path.leave()
        } while reader.take(",")
        try expect("}", "at the end of an object")
    }

    /// Reads the value of a field. False if it is null, which stands for "not given".
    private mutating func readField(_ field: FieldDescriptor, depth: Int) throws(BindingError) -> Bool {
        if try nextKind() == .literal {
            let literal = try reading { reader throws(JSONReader.Failure) in try reader.readLiteral() }
            guard let literal else { return false }
            guard !field.isRepeated else { throw wrongKind(field) }
            try scalar(field) { scalars, writer throws(ScalarWriter.Failure) in
                try scalars.writeBool(literal, field: field, to: &writer)
            }
            return true
        }
        if !field.isRepeated {
            try readValue(field, depth: depth)
        } else if case .message(let index) = field.type, schema.message(at: index).isMapEntry {
            try readMap(field, entry: schema.message(at: index), depth: depth + 1)
        } else {
            try readArray(field, depth: depth + 1)
        }
        return true
    }

    private mutating func readArray(_ field: FieldDescriptor, depth: Int) throws(BindingError) {
        try check(depth)
        guard try nextKind() == .array, reader.take("[") else { throw wrongKind(field) }
        if reader.take("]") { return }
        var count = 0
        repeat {
            path.enter(element: count)
            if let maximum = field.limits.maxItems, count >= maximum {
                path.leave()
                throw failure(.outOfRange, "holds more than \(maximum) items")
            }
            try readValue(field, depth: depth)
            path.leave()
            count += 1
        } while reader.take(",")
        try expect("]", "at the end of an array")
    }

    private mutating func readMap(
        _ field: FieldDescriptor, entry: MessageDescriptor, depth: Int
    ) throws(BindingError) {
        try check(depth)
        guard try nextKind() == .object, reader.take("{") else { throw wrongKind(field) }
        if reader.take("}") { return }
        guard let key = entry.field(number: 1), let value = entry.field(number: 2) else { throw wrongKind(field) }
        var seen: Set<String> = []
        repeat {
            let name = try reading { reader throws(JSONReader.Failure) in try reader.readString() }
            path.enter(field: name)
            guard seen.insert(name).inserted else { throw failure(.duplicate, "is given twice") }
            try expect(":", "after a key")
            let start = writer.begin(field: field.number)
            try scalar(key) { scalars, writer throws(ScalarWriter.Failure) in
                try scalars.writeBareText(name, field: key, to: &writer)
            }
            try readValue(value, depth: depth)
            writer.end(start)
            path.leave()
        } while reader.take(",")
        try expect("}", "at the end of an object")
    }

    /// Reads one value that is neither null nor a list.
    private mutating func readValue(_ field: FieldDescriptor, depth: Int) throws(BindingError) {
        switch try nextKind() {
        case .object:
            guard case .message(let index) = field.type, schema.message(at: index).wellKnown == nil else {
                throw wrongKind(field)
            }
            let start = writer.begin(field: field.number)
            try readObject(schema.message(at: index), depth: depth + 1)
            writer.end(start)
        case .array:
            throw wrongKind(field)
        case .string:
            let text = try reading { reader throws(JSONReader.Failure) in try reader.readString() }
            try scalar(field) { scalars, writer throws(ScalarWriter.Failure) in
                try scalars.writeString(text, field: field, to: &writer)
            }
        case .number:
            let text = try reading { reader throws(JSONReader.Failure) in try reader.readNumber() }
            try scalar(field) { scalars, writer throws(ScalarWriter.Failure) in
                try scalars.writeNumber(text, allowsExponent: true, field: field, to: &writer)
            }
        case .literal:
            let literal = try reading { reader throws(JSONReader.Failure) in try reader.readLiteral() }
            guard let literal else { throw wrongKind(field) }
            try scalar(field) { scalars, writer throws(ScalarWriter.Failure) in
                try scalars.writeBool(literal, field: field, to: &writer)
            }
        }
    }

    private func check(_ depth: Int) throws(BindingError) {
        guard depth <= Self.maxDepth else {
            throw failure(.tooDeep, "is nested more than \(Self.maxDepth) levels deep")
        }
    }

    private mutating func nextKind() throws(BindingError) -> JSONReader.Kind {
        try reading { reader throws(JSONReader.Failure) in try reader.nextKind() }
    }

    private mutating func expect(_ byte: Unicode.Scalar, _ purpose: String) throws(BindingError) {
        try reading { reader throws(JSONReader.Failure) in try reader.expect(byte, purpose) }
    }

    private mutating func reading<Value>(
        _ body: (inout JSONReader) throws(JSONReader.Failure) -> Value
    ) throws(BindingError) -> Value {
        do { return try body(&reader) } catch { throw failure(.malformedJSON, error.message) }
    }

    private mutating func scalar(
        _ field: FieldDescriptor, _ body: (ScalarWriter, inout WireWriter) throws(ScalarWriter.Failure) -> Void
    ) throws(BindingError) {
        do { try body(scalars, &writer) } catch { throw failure(error.reason, error.message) }
    }

    private func wrongKind(_ field: FieldDescriptor) -> BindingError {
        guard field.isRepeated, path.isAtField else { return failure(.wrongType, scalars.wrongType(field).message) }
        if case .message(let index) = field.type, schema.message(at: index).isMapEntry {
            return failure(.wrongType, "must be an object")
        }
        return failure(.wrongType, "must be an array, each element \(scalars.expectation(of: field))")
    }

    private func failure(_ reason: BindingError.Reason, _ message: String) -> BindingError {
        BindingError(reason, field: path.text, message: message)
    }
}
