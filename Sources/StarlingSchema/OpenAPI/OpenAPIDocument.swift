/// The description of the HTTP interface in OpenAPI 3.1, made from the schema and its comments.
public struct OpenAPIDocument: Sendable {
    private let table: OperationTable
    private let version: String
    private let schemas: OpenAPISchemas
    private let isAuthenticated: Bool

    /// - Parameters:
    ///   - version: the version of the server, shown in `info.version`.
    ///   - isAuthenticated: whether the server asks for access tokens.
    public init(table: OperationTable, version: String, isAuthenticated: Bool = false) {
        self.table = table
        self.version = version
        self.isAuthenticated = isAuthenticated
        schemas = OpenAPISchemas(schema: table.schema, requests: table.operations.map(\.inputIndex))
    }

    /// The document as JSON in UTF-8: of the admin listener, or of the public one. The same bytes on every call.
    public func document(admin: Bool) -> [UInt8] {
        let operations = table.operations.filter { $0.isAdmin == admin && !$0.bindings.isEmpty }
        var writer = JSONWriter()
        tree(of: operations, admin: admin).write(to: &writer)
        return writer.bytes
    }

    private func tree(of operations: [Operation], admin: Bool) -> JSONTree {
        let paths = JSONTree.object(paths(of: operations))
        var components: JSONTree = [
            "schemas": .object(schemas.components(referencedFrom: [paths, Self.problemResponse])),
            "parameters": .object(admin ? [] : OpenAPIHeaders.parameters(isAuthenticated: isAuthenticated)),
            "responses": ["Problem": Self.problemResponse],
        ]
        if isAuthenticated, !admin { components = components.adding("securitySchemes", OpenAPISecurity.schemes) }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": admin ? "Starling: administration" : "Starling",
                "version": .string(version),
                "description": .string(Self.introduction),
            ],
            "servers": [["url": "/"]],
            "tags": .array(tags(of: operations)),
            "paths": paths,
            "components": components,
        ]
    }

    private static let introduction = """
        Names of fields may be sent in lower camel case or in snake case and are answered in lower camel case. 64-bit \
        integers are strings in answers; requests may give them as strings or as numbers. Unknown fields and \
        parameters are refused.
        """

    private static let problemResponse: JSONTree = [
        "description": "The request failed. The document says why (RFC 9457).",
        "headers": [
            "Retry-After": [
                "description": "Seconds after which a new attempt makes sense.", "schema": ["type": "string"],
            ]
        ],
        "content": ["application/problem+json": ["schema": OpenAPISchemas.reference("starling.v1.Problem")]],
    ]

    private func tags(of operations: [Operation]) -> [JSONTree] {
        let services = Set(operations.map(\.service))
        return table.schema.services.filter { services.contains($0.name) }
            .sorted { $0.name < $1.name }
            .map { ["name": .string($0.name), "description": .string($0.comment)] }
    }

    private func paths(of operations: [Operation]) -> [(name: String, value: JSONTree)] {
        var methodsByPath: [String: [(name: String, value: JSONTree)]] = [:]
        for operation in operations {
            for (index, binding) in operation.bindings.enumerated() {
                let path = binding.template.text { operation.input.field(named: $0)?.jsonName ?? $0 }
                methodsByPath[path, default: []].append(
                    (binding.method.rawValue.lowercased(), self.operation(operation, binding, index)))
            }
        }
        return methodsByPath.sorted { $0.key < $1.key }.map { path, methods in
            (name: path, value: .object(methods.sorted { $0.name < $1.name }))
        }
    }

    /// One route. Further routes of an operation get a number behind its name, since an id must be unique.
    private func operation(_ operation: Operation, _ binding: HTTPBinding, _ index: Int) -> JSONTree {
        let firstSentence = operation.comment.split(separator: ".", maxSplits: 1).first.map { "\($0)." } ?? ""
        var tree: JSONTree = [
            "operationId": .string(index == 0 ? operation.name : "\(operation.name)_\(index + 1)"),
            "tags": [.string(operation.service)],
            "summary": .string(firstSentence),
            "description": .string(operation.comment),
            "parameters": .array(
                parameters(of: operation, binding)
                    + OpenAPIHeaders.references(for: operation, isAuthenticated: isAuthenticated)),
        ]
        if isAuthenticated, !operation.isAdmin {
            tree = tree.adding("security", OpenAPISecurity.requirement(of: operation))
        }
        if let body = requestBody(of: operation, binding) { tree = tree.adding("requestBody", body) }
        var answer: JSONTree = ["description": "Done."]
        if let headers = OpenAPIHeaders.answerHeaders(of: operation) { answer = answer.adding("headers", headers) }
        answer = answer.adding(
            "content",
            operation.answersLines
                ? ["application/jsonl": ["schema": ["type": "string"]]]
                : ["application/json": ["schema": OpenAPISchemas.reference(operation.output.fullName)]])
        return tree.adding(
            "responses",
            .object([
                (name: "\(operation.successStatus)", value: answer),
                (name: "default", value: ["$ref": "#/components/responses/Problem"]),
            ]))
    }

    private func parameters(of operation: Operation, _ binding: HTTPBinding) -> [JSONTree] {
        let variables = binding.template.variables
        let inPath = variables.compactMap { operation.input.field(named: $0) }.map { field -> JSONTree in
            [
                "name": .string(field.jsonName), "in": "path", "required": true,
                "description": .string(field.comment), "schema": schemas.value(of: field),
            ]
        }
        if binding.hasBody { return inPath }
        let inQuery = operation.input.fields.filter { !variables.contains($0.name) }.map { field -> JSONTree in
            let tree: JSONTree = [
                "name": .string(field.jsonName), "in": "query",
                "description": .string(field.comment), "schema": schemas.value(of: field),
            ]
            return field.isRepeated ? tree.adding("style", "form").adding("explode", false) : tree
        }
        return inPath + inQuery
    }

    private func requestBody(of operation: Operation, _ binding: HTTPBinding) -> JSONTree? {
        guard binding.hasBody else { return nil }
        let variables = binding.template.variables
        let schema: JSONTree
        if variables.isEmpty {
            schema = OpenAPISchemas.reference(operation.input.fullName)
        } else {
            let fields = operation.input.fields.filter { !variables.contains($0.name) }
            if fields.isEmpty { return nil }
            schema = schemas.object(fields: fields, comment: operation.input.comment, isAnswer: false)
        }
        return ["content": ["application/json": ["schema": schema]]]
    }
}
