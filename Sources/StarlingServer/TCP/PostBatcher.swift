import NIOCore
import StarlingEngine
import StarlingSchema
import StarlingWire

/// Plain posts over TCP: those that the connections of an event loop send in one turn of the loop are submitted together, and
/// answered together when they are safe.
///
/// The operation is `CreatePost`; a post with media, with another post or with a context goes the way of any other operation. A
/// connection's writes stay in order: whoever submits something else calls `flush` first. Lives on its event loop.
final class PostBatcher {
    private let service: Service
    private let eventLoop: any EventLoop
    private let encoder: FrameEncoder
    private let opcode: UInt16
    private let limits: (rows: Int, bytes: Int)
    /// Posts that are judged go the way of all operations.
    private let isModerated: Bool
    @exclusivity(unchecked) private var batch: PostBatch
    @exclusivity(unchecked) private var origins: [Origin] = []
    /// The connections of `origins`, in order.
    @exclusivity(unchecked) private var connections: [ConnectionHandler] = []

    /// Where a row came from.
    private struct Origin: Sendable {
        var connection: Int
        var correlation: UInt64
    }

    init(service: Service, eventLoop: any EventLoop, encoder: FrameEncoder) {
        self.service = service
        self.eventLoop = eventLoop
        self.encoder = encoder
        limits = service.engine.postBatchLimits
        isModerated = service.engine.configuration.moderation != .off
        batch = PostBatch(capacity: limits.rows)
        guard let operation = service.table.operation(named: "CreatePost") else {
            preconditionFailure("CreatePost is an operation of the schema")
        }
        opcode = operation.opcode
    }

    /// Takes the frame if it is a request for a plain post. False for all others.
    func take(_ frame: Frame, from connection: ConnectionHandler) -> Bool {
        guard frame.header.opcode == opcode, frame.contextBytes == nil, !isModerated else { return false }
        let isPlain = frame.payload.withUnsafeReadableBytes { bytes in
            guard let post = CreatePostMessage.read(bytes), let author = connection.plainActor(named: post.author)
            else { return false }
            batch.append(author: author, kind: post.kind, visibility: post.visibility, text: post.text)
            return true
        }
        guard isPlain else { return false }
        if origins.isEmpty {
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            // Runs when all connections that are readable in this turn were read.
            eventLoop.execute { bound.value.flush() }
        }
        if connections.last !== connection { connections.append(connection) }
        origins.append(Origin(connection: connections.count - 1, correlation: frame.header.correlation))
        if origins.count >= limits.rows || batch.bytes.count >= limits.bytes { flush() }
        return true
    }

    /// Submits what was taken.
    func flush() {
        guard !origins.isEmpty else { return }
        let asked = batch
        let origins = origins
        let bound = NIOLoopBound((batcher: self, connections: connections), eventLoop: eventLoop)
        batch = PostBatch(capacity: limits.rows)
        self.origins.removeAll(keepingCapacity: true)
        connections.removeAll(keepingCapacity: true)
        service.engine.submit(.createPosts(asked), WriteContext(actor: UserID(rawValue: 0))) { [eventLoop] result in
            eventLoop.execute {
                let (batcher, connections) = bound.value
                batcher.answer(asked, origins, connections, result)
            }
        }
    }

    private func answer(
        _ batch: PostBatch, _ origins: [Origin], _ connections: [ConnectionHandler],
        _ result: Result<WriteReceipt, EngineError>
    ) {
        var row = 0
        while row < origins.count {
            let connection = origins[row].connection
            var end = row
            while end < origins.count, origins[end].connection == connection { end += 1 }
            let room = batch.rows[row..<end].reduce(0) {
                $0 + FrameHeader.byteCount + CreatePostMessage.byteLimit(textBytes: $1.text.count)
            }
            var buffer = ByteBufferAllocator().buffer(capacity: room)
            for place in row..<end { write(place, of: batch, origins[place].correlation, result, into: &buffer) }
            connections[connection].write(buffer, answering: end - row)
            row = end
        }
    }

    private func write(
        _ place: Int, of batch: PostBatch, _ correlation: UInt64, _ result: Result<WriteReceipt, EngineError>,
        into buffer: inout ByteBuffer
    ) {
        switch result {
        case .failure(let error): refuse(error, correlation, into: &buffer)
        case .success(let receipt):
            switch batch.outcomes[place] {
            case .refused(let error): refuse(error, correlation, into: &buffer)
            case .created(let id, let lsn):
                let durability = UInt8(clamping: receipt.durability.schema.rawValue)
                do throws(WireError) {
                    try encoder.writeAnswer(opcode: opcode, correlation: correlation, into: &buffer) { buffer in
                        CreatePostMessage.write(
                            batch.rows[place], of: batch, id: id, lsn: lsn, durability: durability, into: &buffer)
                    }
                } catch {
                    preconditionFailure("a post of a batch has a few kilobytes: \(error)")
                }
            }
        }
    }

    private func refuse(_ error: EngineError, _ correlation: UInt64, into buffer: inout ByteBuffer) {
        encoder.writeProblem(Problem(error).message, opcode: opcode, correlation: correlation, into: &buffer)
    }
}
