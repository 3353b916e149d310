import HTTPTypes
import NIOCore
import StarlingSchema
import Synchronization

/// Paths that are no operations: health, version, and the description of the interface.
struct DocumentRoutes: Sendable {
    private let documents: [String: [UInt8]]
    private let readiness: Readiness

    init(table: OperationTable, isAdmin: Bool, isAuthenticated: Bool, readiness: Readiness) {
        self.readiness = readiness
        let version = #"{"name":"starling","version":"\#(Daemon.version)"}"#
        documents = [
            "/openapi.json": OpenAPIDocument(
                table: table, version: Daemon.version, isAuthenticated: isAuthenticated
            ).document(admin: isAdmin),
            "/version": Array(version.utf8),
        ]
    }

    /// Whether the path is one that must answer whatever the load.
    func isHealth(_ path: String) -> Bool { path == "/livez" || path == "/readyz" }

    /// Whether the path is a document's.
    func has(_ path: String) -> Bool { documents[path] != nil }

    /// The answer for a path that is one of these.
    func answer(method: HTTPRequest.Method, path: String) -> (HTTPResponse, ByteBuffer) {
        guard method == .get else {
            return GatewayAnswer.problem(
                Problem(status: 405, code: "METHOD_NOT_ALLOWED", detail: "\(path) is for GET"), allow: [.get])
        }
        if path == "/livez" { return GatewayAnswer.plain(Array("ok\n".utf8), type: "text/plain; charset=utf-8") }
        if path == "/readyz" { return readinessAnswer() }
        return GatewayAnswer.plain(documents[path] ?? [], type: "application/json")
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
