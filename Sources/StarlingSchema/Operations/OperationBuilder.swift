import SwiftProtobuf

/// Makes an operation of a method of a service and its options.
struct OperationBuilder {
    let schema: Schema
    let service: ServiceDescriptor
    let method: ServiceDescriptor.Method

    private var fullName: String { "\(service.fullName).\(method.proto.name)" }

    func operation() throws(OperationTableError) -> Operation {
        let options = method.proto.options
        guard !method.proto.clientStreaming, !method.proto.serverStreaming else {
            throw .streaming(operation: fullName)
        }
        guard let opcode = UInt16(exactly: options.Starling_V1_opcode), opcode >= OperationTable.firstOpcode else {
            throw .badOpcode(operation: fullName, opcode: options.Starling_V1_opcode)
        }
        let inputIndex = try index(of: method.proto.inputType)
        let outputIndex = try index(of: method.proto.outputType)
        let output = schema.message(at: outputIndex)
        if options.Starling_V1_write {
            for field in ["lsn", "durability"] where output.field(named: field) == nil {
                throw .missingReceipt(operation: fullName, field: field)
            }
        }
        let status = options.hasStarling_V1_successStatus ? options.Starling_V1_successStatus : 200
        guard (200...299).contains(status) else { throw .badStatus(operation: fullName, status: status) }
        return Operation(
            name: method.proto.name, fullName: fullName, service: service.name, opcode: opcode,
            isWrite: options.Starling_V1_write, isAdmin: options.Starling_V1_admin,
            isAnonymous: options.Starling_V1_anonymous, successStatus: Int(status),
            location: try location(in: output), input: schema.message(at: inputIndex), output: output,
            bindings: try bindings(input: schema.message(at: inputIndex)), comment: method.comment,
            inputIndex: inputIndex, outputIndex: outputIndex)
    }

    private func index(of typeName: String) throws(OperationTableError) -> Int {
        guard let index = schema.messageIndex(named: String(typeName.dropFirst())) else {
            throw .schema(.unknownType(field: fullName, type: typeName))
        }
        return index
    }

    private func location(in output: MessageDescriptor) throws(OperationTableError) -> LocationTemplate? {
        let options = method.proto.options
        guard options.hasStarling_V1_location else { return nil }
        let text = options.Starling_V1_location
        guard let template = LocationTemplate(text, message: output, schema: schema) else {
            throw .badLocation(operation: fullName, template: text)
        }
        return template
    }

    private func bindings(input: MessageDescriptor) throws(OperationTableError) -> [HTTPBinding] {
        guard method.proto.options.hasGoogle_Api_http else { return [] }
        let main = method.proto.options.Google_Api_http
        var bindings = [try binding(main, input: input)]
        for additional in main.additionalBindings { bindings.append(try binding(additional, input: input)) }
        return bindings
    }

    private func binding(
        _ rule: Google_Api_HttpRule, input: MessageDescriptor
    ) throws(OperationTableError) -> HTTPBinding {
        let (method, text) = try methodAndPath(of: rule)
        let template: PathTemplate
        do {
            template = try PathTemplate(text)
        } catch {
            throw .badTemplate(operation: fullName, error: error)
        }
        for variable in template.variables { try check(variable, in: input) }
        guard rule.body.isEmpty || rule.body == "*" else {
            throw .unsupportedBinding(operation: fullName, reason: "body must be \"*\" or absent, not \(rule.body)")
        }
        guard rule.responseBody.isEmpty else {
            throw .unsupportedBinding(operation: fullName, reason: "response_body is not supported")
        }
        return HTTPBinding(method: method, template: template, hasBody: rule.body == "*")
    }

    private func methodAndPath(
        of rule: Google_Api_HttpRule
    ) throws(OperationTableError) -> (HTTPMethod, String) {
        switch rule.pattern {
        case .get(let path): return (.get, path)
        case .put(let path): return (.put, path)
        case .post(let path): return (.post, path)
        case .delete(let path): return (.delete, path)
        case .patch(let path): return (.patch, path)
        case .custom(let pattern):
            throw .unsupportedBinding(operation: fullName, reason: "custom method \(pattern.kind) is not supported")
        case nil:
            throw .unsupportedBinding(operation: fullName, reason: "google.api.http has no method")
        }
    }

    private func check(_ variable: String, in input: MessageDescriptor) throws(OperationTableError) {
        guard let field = input.fields.first(where: { $0.name == variable }) else {
            throw .badPathVariable(
                operation: fullName, variable: variable, reason: "is not a field of \(input.fullName)")
        }
        if case .message = field.type {
            throw .badPathVariable(operation: fullName, variable: variable, reason: "is a message")
        }
        if field.isRepeated {
            throw .badPathVariable(operation: fullName, variable: variable, reason: "is repeated")
        }
    }
}
