import HTTPTypes
import NIOCore
import StarlingSchema
import Synchronization

/// Paths that are no operations: health, version, and the description of the interface.
struct DocumentRoutes: Sendable {
    private let documents: [String: [UInt8]]
    private let readiness: Readiness

    init(table: OperationTable, isAdmin: Bool, readiness: Readiness) {
        self.readiness = readiness
        let version = #"{"name":"starling","version":"\#(Daemon.version)"}"#
        documents = [
            "/openapi.json": OpenAPIDocument(table: table, version: Daemon.version).document(admin: isAdmin),
            "/version": Array(version.utf8),
        ]
    }

    /// The answer, when the path is one of these.
    func answer(method: HTTPRequest.Method, path: String) -> (HTTPResponse, ByteBuffer)? {
        let isHealth = path == "/livez" || path == "/readyz"
        guard isHealth || documents[path] != nil else { return nil }
        guard method == .get else {
            return GatewayAnswer.problem(
                Problem(status: 405, code: "METHOD_NOT_ALLOWED", detail: "\(path) is for GET"), allow: [.get])
        }
        if path == "/livez" { return GatewayAnswer.plain(Array("ok\n".utf8), type: "text/plain; charset=utf-8") }
        if path == "/readyz" { return readinessAnswer() }
        return documents[path].map { GatewayAnswer.plain($0, type: "application/json") }
    }

    private func readinessAnswer() -> (HTTPResponse, ByteBuffer) {
        switch readiness.state {
        case .ready: GatewayAnswer.plain(Array("ready\n".utf8), type: "text/plain; charset=utf-8")
        case .draining:
            GatewayAnswer.plain(
                Array("draining\n".utf8), type: "text/plain; charset=utf-8", status: .serviceUnavailable)
        }
    }
}

/// Whether the daemon takes requests.
final class Readiness: Sendable {
    enum State: Sendable { case ready, draining }

    private let current = Mutex(State.ready)

    var state: State {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
