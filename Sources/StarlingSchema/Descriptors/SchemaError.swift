/// Why a set of compiled .proto files is not a schema that this library can serve.
public enum SchemaError: Error, Equatable, CustomStringConvertible {
    /// The embedded text is not base64, or what it stands for is not a `FileDescriptorSet`. Run `generate.sh` again.
    case unreadable
    /// A field names a type that is in no file of the set.
    case unknownType(field: String, type: String)
    /// A field is of a kind that has no JSON form here.
    case unsupportedField(field: String, reason: String)
    /// A message has more fields than a set of them can hold.
    case tooManyFields(message: String, count: Int, limit: Int)
    /// Two fields of a message have the same name in JSON.
    case duplicateFieldName(message: String, name: String)

    /// The error in words.
    public var description: String {
        switch self {
        case .unreadable:
            "the compiled schema is damaged: run Sources/StarlingSchema/Protos/generate.sh"
        case .unknownType(let field, let type):
            "field \(field): its type \(type) is in no file of the schema"
        case .unsupportedField(let field, let reason):
            "field \(field): \(reason)"
        case .tooManyFields(let message, let count, let limit):
            "message \(message): \(count) fields, at most \(limit) are supported; group some in a message of their own"
        case .duplicateFieldName(let message, let name):
            "message \(message): two fields are called \(name) in JSON"
        }
    }
}
