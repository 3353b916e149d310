import StarlingEngine
import Synchronization

/// Where a completion leaves its answer.
final class PendingAnswer<Value: Sendable>: Sendable {
    private let content = Mutex<Result<Value, EngineError>?>(nil)

    var result: Result<Value, EngineError>? { content.withLock { $0 } }

    func set(_ result: Result<Value, EngineError>) { content.withLock { $0 = result } }
}

/// A command that was submitted.
struct PendingWrite {
    let request: WriteRequest
    let answer: PendingAnswer<WriteReceipt>
}

/// A command and who sends it, to be sent again under its key.
struct WriteRequest {
    let command: Command
    let context: WriteContext
}

/// A page that was asked for.
struct PendingRead {
    let reader: UInt64
    let limit: Int
    let minimumLSN: UInt64
    /// The session that it continues.
    let session: Int?
    /// The post that the page before ended with, by the record that made it; nil for the first page.
    let afterPost: UInt64?
    let answer: PendingAnswer<PostPage>
}

/// Somebody who reads a feed page by page, while others write and the engine crashes.
struct ReadingSession {
    let reader: UInt64
    var position: PagePosition
    /// The post that the last page ended with, by the record that made it.
    var lastPost: UInt64
    /// Crashes when the last page was read.
    var crashes: Int
    /// Records when the last page was read.
    var lsn: UInt64
    var isBusy = false
}
