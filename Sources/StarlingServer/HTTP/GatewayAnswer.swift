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

    static func success(_ answer: Service.Answer, of operation: Operation) -> (HTTPResponse, ByteBuffer) {
        var fields = jsonFields("application/json")
        if answer.isReplay { fields[.idempotentReplayed] = "true" }
        if let template = operation.location { fields[.location] = location(template, answer.message) }
        let body = ByteBuffer(bytes: encode(answer.message))
        fields[.contentLength] = String(body.readableBytes)
        return (HTTPResponse(status: .init(code: operation.successStatus), headerFields: fields), body)
    }

    static func problem(
        _ problem: Problem, allow: [StarlingSchema.HTTPMethod] = [], closes: Bool = false
    ) -> (HTTPResponse, ByteBuffer) {
        var fields = jsonFields("application/problem+json")
        if problem.message.hasRetryAfterSeconds { fields[.retryAfter] = String(problem.message.retryAfterSeconds) }
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

    private static func encode(_ message: any Message) -> [UInt8] { printer.encode(message) }

    private static func location(_ template: LocationTemplate, _ message: any Message) -> String {
        LocationHeader.value(of: template, in: message)
    }
}

extension HTTPField.Name {
    static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed").unsafelyUnwrapped
    static let idempotencyKey = HTTPField.Name("Idempotency-Key").unsafelyUnwrapped
    static let actorID = HTTPField.Name("X-Actor-Id").unsafelyUnwrapped
    static let minimumLSN = HTTPField.Name("X-Min-Lsn").unsafelyUnwrapped
    static let durability = HTTPField.Name("X-Durability").unsafelyUnwrapped
    static let contentTypeOptions = HTTPField.Name("X-Content-Type-Options").unsafelyUnwrapped
}
