import HTTPTypes
import HummingbirdCore
import NIOCore
import StarlingEngine
import StarlingLimits
import StarlingLog
import StarlingSchema

/// Answers the requests of one HTTP listener: finds the operation by its route, charges and binds the request, calls it, and
/// turns the answer into JSON. Holds no route of its own, but for those that are no operations.
struct GatewayResponder: Sendable {
    /// An answer on its way out.
    typealias Answer = (head: HTTPResponse, body: ByteBuffer)

    private let service: Service
    private let isAdmin: Bool
    private let routes: RouteTable
    private let binding: RequestBinding
    private let documents: DocumentRoutes
    private let settings: DoorSettings

    /// - Parameter isAdmin: whether the listener serves the admin operations instead of the public ones. Those are neither
    ///   limited nor open to pages of other origins.
    init(service: Service, isAdmin: Bool, documents: DocumentRoutes, settings: DoorSettings) {
        self.service = service
        self.isAdmin = isAdmin
        routes = isAdmin ? service.table.adminRoutes : service.table.routes
        binding = RequestBinding(schema: service.table.schema)
        self.documents = documents
        self.settings = settings
    }

    /// What belongs to one request.
    private struct Exchange {
        var request: Request
        var settings: DoorSettings.Values
        var query: String
        /// Who is charged for what.
        var charge: LimitedRequest
        /// Lets a client go on that waits with its body.
        var proceed: () async throws -> Void

        /// Whether the client sends its body only after it is told to.
        var awaitsProceeding: Bool {
            let fields = request.head.headerFields
            return fields[.expect] != nil && (fields[.contentLength] ?? "0" != "0" || fields[.transferEncoding] != nil)
        }
    }

    /// Answers a request that came from `peer`. `proceed` tells a client that asks to send its body.
    func respond(
        to request: Request, from peer: IPAddress?, proceed: @escaping () async throws -> Void
    ) async -> Answer {
        let settings = settings.values
        let fields = request.head.headerFields
        let (path, query) = Self.split(request.head.path ?? "/")
        if documents.isHealth(path) || (isAdmin && documents.has(path)) {
            return documents.answer(method: request.head.method, path: path)
        }
        let match = routes.match(method: request.head.method.rawValue, path: path)
        let exchange = Exchange(
            request: request, settings: settings, query: query,
            charge: charge(match, request.head, peer: peer, settings), proceed: proceed)
        var answer = await answer(exchange, match, path: path)
        if !isAdmin { settings.crossOrigin.mark(&answer.head, to: fields) }
        return answer
    }

    private func charge(
        _ match: RouteMatch, _ head: HTTPRequest, peer: IPAddress?, _ settings: DoorSettings.Values
    ) -> LimitedRequest {
        let route: LimitedRoute =
            switch match {
            case .found(let found): RequestLimiter.route(found.operation, method: head.method.rawValue)
            case .notFound, .methodNotAllowed, .tooLong, .malformed: RequestLimiter.route(method: head.method.rawValue)
            }
        let address = peer.map {
            ForwardedAddress.client(
                peer: $0, forwarded: head.headerFields[values: .forwardedFor], trusted: settings.trustedProxies)
        }
        return LimitedRequest(address: address, user: nil, route: route)
    }

    private func answer(_ exchange: Exchange, _ match: RouteMatch, path: String) async -> Answer {
        let head = exchange.request.head
        var exchange = exchange
        let context = await context(of: match, head.headerFields)
        exchange.charge.user = (try? context.get())?.actor?.rawValue
        guard !isAdmin, service.limiter.limiter.isActive else {
            return await unlimited(exchange, match, path: path, context: context)
        }
        if let problem = service.limiter.charge(exchange.charge) {
            return standing(GatewayAnswer.problem(problem, closes: exchange.awaitsProceeding), exchange)
        }
        return standing(await unlimited(exchange, match, path: path, context: context), exchange)
    }

    /// Who acts, and what else the header says. Found out before the request is charged, because its user is charged.
    private func context(of match: RouteMatch, _ fields: HTTPFields) async -> Result<CallContext, Problem> {
        do throws(Problem) {
            var context = try RequestHeaders.context(fields)
            context.takesCookies = true
            if case .found(let route) = match {
                try await service.authenticator.authenticate(fields, route.operation, &context)
            }
            return .success(context)
        } catch {
            return .failure(error)
        }
    }

    /// With how the buckets stand now.
    private func standing(_ answer: Answer, _ exchange: Exchange) -> Answer {
        var charge = exchange.charge
        charge.cost = 0
        var answer = answer
        answer.head.headerFields.add(service.limiter.limiter.charge(charge).standings)
        return answer
    }

    private func unlimited(
        _ exchange: Exchange, _ match: RouteMatch, path: String, context: Result<CallContext, Problem>
    ) async -> Answer {
        let head = exchange.request.head
        if path == "/metrics" { return await metrics(head.method) }
        if documents.has(path) {
            return preflight(exchange, allow: [.get]) ?? documents.answer(method: head.method, path: path)
        }
        switch match {
        case .found(let route): return await call(route, context, exchange)
        case .notFound:
            return GatewayAnswer.problem(
                Problem(status: 404, code: "NO_SUCH_ROUTE", detail: "there is nothing at \(path.prefix(200))"))
        case .methodNotAllowed(let allow):
            if let answer = preflight(exchange, allow: allow) { return answer }
            let names = allow.map(\.rawValue).joined(separator: ", ")
            let detail = "\(head.method.rawValue) is not offered here; allowed: \(names)"
            return GatewayAnswer.problem(Problem(status: 405, code: "METHOD_NOT_ALLOWED", detail: detail), allow: allow)
        case .tooLong:
            return GatewayAnswer.problem(
                Problem(status: 400, code: "PATH_TOO_LONG", detail: "the path is longer than any route"))
        case .malformed(let reason):
            return GatewayAnswer.problem(Problem(status: 400, code: "MALFORMED_PATH", detail: reason))
        }
    }

    private func preflight(_ exchange: Exchange, allow: [StarlingSchema.HTTPMethod]) -> Answer? {
        guard !isAdmin else { return nil }
        let head = exchange.request.head
        return exchange.settings.crossOrigin.preflight(head.method, head.headerFields, allow: allow)
    }

    private func metrics(_ method: HTTPRequest.Method) async -> Answer {
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

    private func call(_ route: Route, _ context: Result<CallContext, Problem>, _ exchange: Exchange) async -> Answer {
        var isBodyRead = false
        do {
            var context = try context.get()
            if !isAdmin { context.charge = exchange.charge }
            let body = try await body(exchange)
            isBodyRead = true
            let payload = try binding.payload(route: route, query: exchange.query, body: body)
            let result = await withCheckedContinuation { continuation in
                service.call(route.operation, payload: payload, context) { continuation.resume(returning: $0) }
            }
            let answer = try result.get()
            return GatewayAnswer.success(answer, of: route.operation, cookies: cookies(of: answer))
        } catch let problem as Problem {
            // Nobody knows whether a client that waited sends its body after all; one that is too large is not read.
            let closes = !isBodyRead && (exchange.awaitsProceeding || problem.message.status == 413)
            return GatewayAnswer.problem(problem, closes: closes)
        } catch let error as BindingError {
            return GatewayAnswer.problem(Problem(error))
        } catch {
            return GatewayAnswer.problem(
                Problem(status: 400, code: "MALFORMED_REQUEST", detail: "the body could not be read: \(error)"),
                closes: true)
        }
    }

    private func cookies(of answer: Service.Answer) -> [String] {
        guard let cookies = answer.cookies else { return [] }
        return SessionCookieFields.setting(
            cookies, refreshSeconds: service.accounts.refreshSeconds, isSecure: service.accounts.hasSecureCookies)
    }

    private func body(_ exchange: Exchange) async throws -> [UInt8] {
        let limit = exchange.settings.http.bodyBytes
        let fields = exchange.request.head.headerFields
        let declared = fields[.contentLength].flatMap { Int($0) } ?? 0
        if declared > limit { throw Problem.bodyTooLarge("\(declared) bytes", limit: limit) }
        let hasBody = declared > 0 || fields[.transferEncoding] != nil
        if hasBody { try RequestHeaders.checkMediaType(fields) }
        if exchange.awaitsProceeding { try await exchange.proceed() }
        do {
            return Array(buffer: try await exchange.request.body.collect(upTo: limit))
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge("larger", limit: limit)
        }
    }

    /// The path and the query of a request target.
    private static func split(_ target: String) -> (path: String, query: String) {
        guard let mark = target.firstIndex(of: "?") else { return (target, "") }
        return (String(target[..<mark]), String(target[target.index(after: mark)...]))
    }
}
