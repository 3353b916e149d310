import NIOPosix
import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// What the operations work with. Its extensions hold the operations, a file for each service of the schema.
struct OperationSet: Sendable {
    let engine: Engine
    let cursors: CursorSigner
    let settings: RuntimeSettings
    let accounts: AccountServices
    /// Where post bodies are read: that may wait for the disk, and workers and event loops must not.
    let bodyReaders: NIOThreadPool

    /// Runs `body`, or answers with the problem that it throws before it has started anything.
    func attempt<Response>(_ respond: Respond<Response>, _ body: () throws(Problem) -> Void) {
        do throws(Problem) { try body() } catch { respond(.failure(error)) }
    }

    /// As `attempt`, for what has to wait in between.
    func attemptLater<Response>(
        _ respond: @escaping Respond<Response>, _ body: @escaping @Sendable () async throws(Problem) -> Reply<Response>
    ) {
        Task {
            do throws(Problem) { respond(.success(try await body())) } catch { respond(.failure(error)) }
        }
    }

    /// Submits a command and waits for its receipt.
    func run(_ command: Command, _ context: WriteContext) async throws(Problem) -> WriteReceipt {
        let result = await withCheckedContinuation { continuation in
            engine.submit(command, context) { continuation.resume(returning: $0) }
        }
        do throws(EngineError) { return try result.get() } catch { throw Problem(error) }
    }

    /// Submits a command and answers with what `make` says of the receipt.
    func submit<Response>(
        _ command: Command, _ context: WriteContext, _ respond: @escaping Respond<Response>,
        _ make: @escaping @Sendable (WriteReceipt) -> Response
    ) {
        engine.submit(command, context) { result in
            switch result {
            case .success(let receipt):
                respond(.success(Reply(response: make(receipt), isReplay: receipt.isReplay)))
            case .failure(let error): respond(.failure(Problem(error)))
            }
        }
    }

    /// An answer from the engine's, when reading.
    func reading<Value, Response>(
        _ respond: @escaping Respond<Response>, _ make: @escaping @Sendable (Value) throws(Problem) -> Response
    ) -> @Sendable (Result<Value, EngineError>) -> Void {
        { result in
            switch result {
            case .failure(let error): respond(.failure(Problem(error)))
            case .success(let value):
                do throws(Problem) {
                    respond(.success(Reply(response: try make(value))))
                } catch {
                    respond(.failure(error))
                }
            }
        }
    }

    /// As `reading`, for answers that need post bodies.
    func readingBodies<Value: Sendable, Response>(
        _ respond: @escaping Respond<Response>, _ make: @escaping @Sendable (Value) throws(Problem) -> Response
    ) -> @Sendable (Result<Value, EngineError>) -> Void {
        let answer = reading(respond, make)
        return { [bodyReaders] result in bodyReaders.submit { _ in answer(result) } }
    }

    /// Items on a page when the request does not say.
    static let defaultLimit = 50
}

extension Google_Protobuf_Timestamp {
    /// From milliseconds since 1970.
    init(milliseconds: UInt64) {
        self.init(seconds: Int64(milliseconds / 1_000), nanos: Int32(milliseconds % 1_000) * 1_000_000)
    }

    /// Milliseconds since 1970, or nil when it lies before that or is out of range.
    var milliseconds: UInt64? {
        guard seconds >= 0, seconds <= 253_402_300_799, (0..<1_000_000_000).contains(nanos) else { return nil }
        return UInt64(seconds) * 1_000 + UInt64(nanos) / 1_000_000
    }
}
