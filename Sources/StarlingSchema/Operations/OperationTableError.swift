/// Why the services of a schema do not make a table of operations.
public enum OperationTableError: Error, Equatable, CustomStringConvertible {
    /// The schema itself is broken.
    case schema(SchemaError)
    /// An operation has no opcode, or one outside 16 to 65535.
    case badOpcode(operation: String, opcode: UInt32)
    /// Two operations have the same opcode.
    case duplicateOpcode(opcode: UInt16, first: String, second: String)
    /// Two operations have the same short name.
    case duplicateName(first: String, second: String)
    /// Two routes would answer the same method and path.
    case duplicateRoute(method: HTTPMethod, template: String, first: String, second: String)
    /// The path of a route cannot be read.
    case badTemplate(operation: String, error: PathTemplateError)
    /// A variable of a path is not a field of the request that one segment could carry.
    case badPathVariable(operation: String, variable: String, reason: String)
    /// A route uses a part of `google.api.http` that is not supported here.
    case unsupportedBinding(operation: String, reason: String)
    /// The answer of a write lacks `lsn` or `durability`.
    case missingReceipt(operation: String, field: String)
    /// The template of the header `Location` is not a path over fields of the answer.
    case badLocation(operation: String, template: String)
    /// The status of success is not one.
    case badStatus(operation: String, status: UInt32)
    /// The operation streams.
    case streaming(operation: String)

    /// The error in words.
    public var description: String {
        switch self {
        case .schema(let error):
            "\(error)"
        case .badOpcode(let operation, let opcode):
            "\(operation): opcode \(opcode) is not between \(OperationTable.firstOpcode) and 65535; set (opcode)"
        case .duplicateOpcode(let opcode, let first, let second):
            "opcode \(opcode) is used by \(first) and by \(second)"
        case .duplicateName(let first, let second):
            "\(first) and \(second) have the same name; the OpenAPI document needs them to differ"
        case .duplicateRoute(let method, let template, let first, let second):
            "\(method.rawValue) \(template) is a route of \(first) and of \(second)"
        case .badTemplate(let operation, let error):
            "\(operation): \(error)"
        case .badPathVariable(let operation, let variable, let reason):
            "\(operation): path variable {\(variable)} \(reason)"
        case .unsupportedBinding(let operation, let reason):
            "\(operation): \(reason)"
        case .missingReceipt(let operation, let field):
            "\(operation) is a write, but its answer has no field \(field)"
        case .badLocation(let operation, let template):
            "\(operation): location \(template) is not a path over number or string fields of the answer"
        case .badStatus(let operation, let status):
            "\(operation): \(status) is not a status of success"
        case .streaming(let operation):
            "\(operation) streams, which no front end supports"
        }
    }
}
