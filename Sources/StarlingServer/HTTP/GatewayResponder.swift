import HTTPTypes
import HummingbirdCore
import NIOCore
import StarlingEngine
import StarlingLog
import StarlingSchema

/// Answers the requests of one HTTP listener: finds the operation by its route, binds the request, calls it, and turns the
/// answer into JSON. Holds no route of its own, but for those that are no operations.
struct GatewayResponder: Sendable {
    private let service: Service
    private let routes: RouteTable
    private let binding: RequestBinding
    private let documents: DocumentRoutes
    private let limits: HTTPLimits

    /// - Parameter isAdmin: whether the listener serves the admin operations instead of the public ones.
    init(service: Service, isAdmin: Bool, documents: DocumentRoutes, limits: HTTPLimits) {
        self.service = service
        routes = isAdmin ? service.table.adminRoutes : service.table.routes
        binding = RequestBinding(schema: service.table.schema)
        self.documents = documents
        self.limits = limits
    }

    func respond(to request: Request) async -> (HTTPResponse, ByteBuffer) {
        let target = request.head.path ?? "/"
        let (path, query) = Self.split(target)
        if let document = documents.answer(method: request.head.method, path: path) { return document }
        if path == "/metrics" { return await metrics(request.head.method) }
        switch routes.match(method: request.head.method.rawValue, path: path) {
        case .found(let route): return await call(route, query: query, request)
        case .notFound:
            return GatewayAnswer.problem(
                Problem(status: 404, code: "NO_SUCH_ROUTE", detail: "there is nothing at \(path.prefix(200))"))
        case .methodNotAllowed(let allow):
            let names = allow.map(\.rawValue).joined(separator: ", ")
            let detail = "\(request.head.method.rawValue) is not offered here; allowed: \(names)"
            return GatewayAnswer.problem(Problem(status: 405, code: "METHOD_NOT_ALLOWED", detail: detail), allow: allow)
        case .tooLong:
            return GatewayAnswer.problem(
                Problem(status: 400, code: "PATH_TOO_LONG", detail: "the path is longer than any route"))
        case .malformed(let reason):
            return GatewayAnswer.problem(Problem(status: 400, code: "MALFORMED_PATH", detail: reason))
        }
    }

    private func metrics(_ method: HTTPRequest.Method) async -> (HTTPResponse, ByteBuffer) {
        guard method == .get || method == .head else {
            return GatewayAnswer.problem(
                Problem(status: 405, code: "METHOD_NOT_ALLOWED", detail: "/metrics is for GET"), allow: [.get])
        }
        let result = await withCheckedContinuation { continuation in
            service.engine.metrics { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let metrics):
            return GatewayAnswer.plain(MetricsText(metrics).bytes, type: MetricsText.contentType)
        case .failure(let error): return GatewayAnswer.problem(Problem(error))
        }
    }

    private func call(_ route: Route, query: String, _ request: Request) async -> (HTTPResponse, ByteBuffer) {
        do {
            var context = try RequestHeaders.context(request.head.headerFields)
            context.takesCookies = true
            try await service.authenticator.authenticate(request.head.headerFields, route.operation, &context)
            let body = try await body(of: request)
            let payload = try binding.payload(route: route, query: query, body: body)
            let result = await withCheckedContinuation { continuation in
                service.call(route.operation, payload: payload, context) { continuation.resume(returning: $0) }
            }
            let answer = try result.get()
            return GatewayAnswer.success(answer, of: route.operation, cookies: cookies(of: answer))
        } catch let problem as Problem {
            return GatewayAnswer.problem(problem)
        } catch let error as BindingError {
            return GatewayAnswer.problem(Problem(error))
        } catch {
            return GatewayAnswer.problem(
                Problem(status: 400, code: "MALFORMED_REQUEST", detail: "the body could not be read: \(error)"))
        }
    }

    private func cookies(of answer: Service.Answer) -> [String] {
        guard let cookies = answer.cookies else { return [] }
        return SessionCookieFields.setting(
            cookies, refreshSeconds: service.accounts.refreshSeconds, isSecure: service.accounts.hasSecureCookies)
    }

    private func body(of request: Request) async throws -> [UInt8] {
        let declared = request.head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
        if declared > limits.bodyBytes { throw tooLarge(declared) }
        let buffer: ByteBuffer
        do {
            buffer = try await request.body.collect(upTo: limits.bodyBytes)
        } catch is NIOTooManyBytesError {
            throw tooLarge(nil)
        }
        if buffer.readableBytes > 0 { try RequestHeaders.checkMediaType(request.head.headerFields) }
        return Array(buffer: buffer)
    }

    private func tooLarge(_ declared: Int?) -> Problem {
        let size = declared.map { "\($0) bytes" } ?? "larger"
        return Problem(
            status: 413, code: "BODY_TOO_LARGE", detail: "the body is \(size); at most \(limits.bodyBytes) are allowed")
    }

    /// The path and the query of a request target.
    private static func split(_ target: String) -> (path: String, query: String) {
        guard let mark = target.firstIndex(of: "?") else { return (target, "") }
        return (String(target[..<mark]), String(target[target.index(after: mark)...]))
    }
}
