import HTTPTypes
import NIOCore
import StarlingSchema
import SwiftProtobuf

/// Answers as HTTP responses.
enum GatewayAnswer {
    private static let printer = JSONAnswer(schema: sharedSchema)
    private static let sharedSchema: Schema = {
        do { return try Schema() } catch { preconditionFailure("the embedded schema cannot be read: \(error)") }
    }()

    /// - Parameter cookies: the header fields that set cookies.
    static func success(
        _ answer: Service.Answer, of operation: Operation, cookies: [String] = []
    ) -> (HTTPResponse, ByteBuffer) {
        if let export = answer.message as? Starling_V1_ExportUserResponse { return lines(export) }
        var fields = jsonFields("application/json")
        if operation.name == "KeySet" { fields[.cacheControl] = "public, max-age=300" }
        fields[values: .setCookie] = cookies
        if answer.isReplay { fields[.idempotentReplayed] = "true" }
        if let template = operation.location { fields[.location] = location(template, answer.message) }
        let body = ByteBuffer(bytes: json(answer.message))
        fields[.contentLength] = String(body.readableBytes)
        return (HTTPResponse(status: .init(code: operation.successStatus), headerFields: fields), body)
    }

    /// An export is a file of lines, not an object.
    private static func lines(_ export: Starling_V1_ExportUserResponse) -> (HTTPResponse, ByteBuffer) {
        var text = export.lines.map { $0 + "\n" }.joined()
        if export.hasNextCursor { text += "{\"type\":\"next\",\"cursor\":\"\(export.nextCursor)\"}\n" }
        return plain(Array(text.utf8), type: "application/jsonl")
    }

    static func problem(
        _ problem: Problem, allow: [StarlingSchema.HTTPMethod] = [], closes: Bool = false
    ) -> (HTTPResponse, ByteBuffer) {
        var fields = jsonFields("application/problem+json")
        if problem.message.hasRetryAfterSeconds { fields[.retryAfter] = String(problem.message.retryAfterSeconds) }
        if problem.message.status == 401 {
            let isRefused = problem.message.code == "TOKEN_REFUSED"
            fields[.wwwAuthenticate] = "Bearer realm=\"starling\"" + (isRefused ? ", error=\"invalid_token\"" : "")
        }
        if !allow.isEmpty { fields[.allow] = allow.map(\.rawValue).joined(separator: ", ") }
        if closes { fields[.connection] = "close" }
        let body = ByteBuffer(bytes: printer.encode(problem.message))
        fields[.contentLength] = String(body.readableBytes)
        return (HTTPResponse(status: .init(code: Int(problem.message.status)), headerFields: fields), body)
    }

    /// Bytes that are JSON or text already.
    static func plain(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> (HTTPResponse, ByteBuffer) {
        var fields = jsonFields(type)
        fields[.contentLength] = String(bytes.count)
        return (HTTPResponse(status: status, headerFields: fields), ByteBuffer(bytes: bytes))
    }

    private static func jsonFields(_ type: String) -> HTTPFields {
        var fields = HTTPFields()
        fields[.contentType] = type
        fields[.cacheControl] = "no-store"
        fields[.contentTypeOptions] = "nosniff"
        return fields
    }

    /// A message as a JSON object.
    static func json(_ message: any Message) -> [UInt8] { printer.encode(message) }

    private static func location(_ template: LocationTemplate, _ message: any Message) -> String {
        LocationHeader.value(of: template, in: message)
    }
}

extension HTTPField.Name {
    static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed").unsafelyUnwrapped
    static let idempotencyKey = HTTPField.Name("Idempotency-Key").unsafelyUnwrapped
    static let actorID = HTTPField.Name("X-Actor-Id").unsafelyUnwrapped
    static let csrf = HTTPField.Name("X-Starling-Csrf").unsafelyUnwrapped
    static let minimumLSN = HTTPField.Name("X-Min-Lsn").unsafelyUnwrapped
    static let durability = HTTPField.Name("X-Durability").unsafelyUnwrapped
    static let contentTypeOptions = HTTPField.Name("X-Content-Type-Options").unsafelyUnwrapped
}
