import SwiftProtobuf

/// Makes the request of an operation of the parts of an HTTP request: path variables, query and JSON body.
///
/// Names may be in snake case or in lower camel case. A value in the path wins over the same field in the body. Fields
/// that the path does not carry come from the body if the route has one, otherwise from the query.
public struct RequestBinding: Sendable {
    private let schema: Schema

    /// Binds requests of this schema.
    public init(schema: Schema) {
        self.schema = schema
    }

    /// The request as a message.
    ///
    /// - Parameters:
    ///   - query: the part of the request target behind `?`, as it was sent.
    ///   - body: the body. May be empty, which means that no field is given.
    /// - Throws: `BindingError`, which names the field and says what is wrong.
    public func message<Request: Message>(
        _ type: Request.Type, route: Route, query: String, body: [UInt8]
    ) throws(BindingError) -> Request {
        precondition(
            type.protoMessageName == route.operation.input.fullName,
            "The request of \(route.operation.fullName) is another message.")
        let payload = try payload(route: route, query: query, body: body)
        let request: Request
        do {
            request = try Request(serializedBytes: payload)
        } catch {
            throw BindingError(.malformedJSON, field: "", message: "the request cannot be decoded: \(error)")
        }
        return request
    }

    /// The request in binary, as the TCP protocol carries it. Checks types and ranges, but of the limits of the
    /// schema only the number of items; `RequestLimits` checks the others.
    public func payload(route: Route, query: String, body: [UInt8]) throws(BindingError) -> [UInt8] {
        var writer = WireWriter()
        let input = route.operation.input
        if route.binding.hasBody {
            try bindBody(body, to: input, into: &writer)
        } else {
            try refuse(body)
        }
        try bindQuery(query, route: route, into: &writer)
        for variable in route.variables {
            guard let field = input.field(named: variable.field) else {
                preconditionFailure("The operation table has checked that path variables are fields.")
            }
            try write(variable.value, field: field, path: field.jsonName, to: &writer)
        }
        return writer.bytes
    }

    private func bindBody(
        _ body: [UInt8], to input: MessageDescriptor, into writer: inout WireWriter
    ) throws(BindingError) {
        guard !body.allSatisfy(Self.isWhitespace) else { return }
        try JSONTranscoder.transcode(body, to: input, schema: schema, into: &writer)
    }

    /// Many clients send `{}` where nothing is expected, so that is taken for nothing.
    private func refuse(_ body: [UInt8]) throws(BindingError) {
        let content = body.filter { !Self.isWhitespace($0) }
        guard content.isEmpty || content.elementsEqual("{}".utf8) else {
            throw BindingError(.unexpectedBody, field: "", message: "this operation takes no body")
        }
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    private func bindQuery(_ query: String, route: Route, into writer: inout WireWriter) throws(BindingError) {
        guard !query.isEmpty else { return }
        let input = route.operation.input
        var counts: [Int: Int] = [:]
        for item in try QueryString(query).items {
            guard !route.binding.hasBody, let field = input.field(named: item.name),
                !route.variables.contains(where: { $0.field == field.name })
            else {
                throw BindingError(
                    .unknownField, field: item.name, message: "is not a query parameter of \(route.operation.name)")
            }
            if field.isRepeated {
                try bindList(item, field: field, count: &counts[field.number, default: 0], into: &writer)
            } else {
                guard counts.updateValue(1, forKey: field.number) == nil else {
                    throw BindingError(.duplicate, field: field.jsonName, message: "is given twice")
                }
                let text = try QueryString.decode(item.value, field: field.jsonName)
                try write(text, field: field, path: field.jsonName, to: &writer)
            }
        }
    }

    /// `ids=1,2` and `ids=1&ids=2` are the same. In lists of strings a comma is part of the value.
    private func bindList(
        _ item: QueryString.Item, field: FieldDescriptor, count: inout Int, into writer: inout WireWriter
    ) throws(BindingError) {
        guard !item.value.isEmpty else { return }
        let text = try QueryString.decode(item.value, field: field.jsonName)
        let isSplit = field.type != .string && field.type != .bytes
        for part in isSplit ? text.split(separator: ",", omittingEmptySubsequences: false) : [text[...]] {
            if let maximum = field.limits.maxItems, count >= maximum {
                throw BindingError(
                    .outOfRange, field: field.jsonName, message: "holds more than \(maximum) items")
            }
            try write(String(part), field: field, path: "\(field.jsonName)[\(count)]", to: &writer)
            count += 1
        }
    }

    private func write(
        _ text: String, field: FieldDescriptor, path: String, to writer: inout WireWriter
    ) throws(BindingError) {
        do {
            try ScalarWriter(schema: schema).writeBareText(text, field: field, to: &writer)
        } catch {
            throw BindingError(error.reason, field: path, message: error.message)
        }
    }
}
