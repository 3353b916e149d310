import StarlingSchema
import SwiftProtobuf
import Testing

/// Binds HTTP requests as a gateway would.
struct BindingFixture {
    let table: OperationTable
    let binding: RequestBinding

    init() throws {
        table = try SharedTable.get()
        binding = RequestBinding(schema: table.schema)
    }

    func bind<Request: Message>(
        _ type: Request.Type, _ method: String, _ target: String, body: String = ""
    ) throws -> Request {
        try bind(type, method, target, bytes: Array(body.utf8))
    }

    func bind<Request: Message>(
        _ type: Request.Type, _ method: String, _ target: String, bytes: [UInt8]
    ) throws -> Request {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let routes = target.hasPrefix("/admin") ? table.adminRoutes : table.routes
        guard case .found(let route) = routes.match(method: method, path: String(parts[0])) else {
            throw NoRoute()
        }
        return try binding.message(type, route: route, query: parts.count > 1 ? String(parts[1]) : "", body: bytes)
    }

    /// The error of a request that must fail, as `reason field: message`.
    func failure<Request: Message>(
        _ type: Request.Type, _ method: String, _ target: String, body: String = ""
    ) -> BindingError? {
        do {
            _ = try bind(type, method, target, body: body)
            Issue.record("\(method) \(target) \(body) should fail")
            return nil
        } catch {
            return error as? BindingError
        }
    }

    struct NoRoute: Error {}
}
