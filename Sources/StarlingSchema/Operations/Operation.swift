/// The methods of HTTP that a route may have.
public enum HTTPMethod: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Read.
    case get = "GET"
    /// Bring about the state that the path names.
    case put = "PUT"
    /// Do or create something.
    case post = "POST"
    /// Change parts.
    case patch = "PATCH"
    /// Take away.
    case delete = "DELETE"

    /// In alphabetic order, as the header `Allow` lists them.
    public static func < (left: HTTPMethod, right: HTTPMethod) -> Bool { left.rawValue < right.rawValue }
}

/// One way to call an operation over HTTP.
public struct HTTPBinding: Sendable {
    /// The method.
    public let method: HTTPMethod
    /// The path, with the fields of the request that it carries.
    public let template: PathTemplate
    /// Whether the fields that are not in the path are in a JSON body. If not, they are in the query.
    public let hasBody: Bool
}

/// One operation: a method of a service of the schema.
public struct Operation: Sendable {
    /// The name alone: `Follow`.
    public let name: String
    /// The name with its service: `starling.v1.GraphService.Follow`.
    public let fullName: String
    /// The service alone: `GraphService`.
    public let service: String
    /// Its number in a TCP frame. Unique, never reused, at least 16.
    public let opcode: UInt16
    /// Whether it appends to the log. Its answer then has the fields `lsn` and `durability`.
    public let isWrite: Bool
    /// Whether it is served on the admin listener only.
    public let isAdmin: Bool
    /// Whether it is served without an access token where the server runs with authentication.
    public let isAnonymous: Bool
    /// The HTTP status of success.
    public let successStatus: Int
    /// Where the thing created can be found: the value of the header `Location`. See `LocationHeader`.
    public let location: LocationTemplate?
    /// The request.
    public let input: MessageDescriptor
    /// The answer.
    public let output: MessageDescriptor
    /// Its routes, the main one first.
    public let bindings: [HTTPBinding]
    /// What it does.
    public let comment: String

    let inputIndex: Int
    let outputIndex: Int
}
