import SwiftProtobuf

/// Why the parts of a request do not make a message: which field, and what is wrong with it.
public struct BindingError: Error, Equatable, CustomStringConvertible {
    /// The kinds of mistakes.
    public enum Reason: Sendable, Hashable {
        /// The body is not JSON, or its text is not UTF-8.
        case malformedJSON
        /// The percent-encoding of the path or the query is broken.
        case malformedEncoding
        /// The message has no such field, or the operation no such parameter.
        case unknownField
        /// The value is of another type than the field.
        case wrongType
        /// The value is of the right type, but not one that the field may have.
        case outOfRange
        /// The field is given twice.
        case duplicate
        /// The body is nested too deeply.
        case tooDeep
        /// There is a body, but the operation takes none.
        case unexpectedBody
    }

    /// The kind of mistake.
    public let reason: Reason
    /// The path of the field in JSON names: `rows[3].userId`. Empty for the request as a whole.
    public let field: String
    /// What is wrong, in words.
    public let message: String

    /// A mistake in a field.
    public init(_ reason: Reason, field: String, message: String) {
        self.reason = reason
        self.field = field
        self.message = message
    }

    /// The error as a problem document shows it.
    public var fieldError: Starling_V1_FieldError {
        .with {
            $0.field = field
            $0.message = message
        }
    }

    /// The error in one line.
    public var description: String { field.isEmpty ? message : "\(field): \(message)" }
}
