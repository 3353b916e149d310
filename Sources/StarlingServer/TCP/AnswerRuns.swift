import NIOCore

/// Frames of answers in one buffer; those of a connection lie one behind the other as often as they come so.
struct AnswerRuns: Sendable {
    /// Answers that belong to one connection, as they lie one behind the other.
    private struct Run: Sendable {
        var connection: Int
        var count: Int
        var bytes: Range<Int>
    }

    private var buffer: ByteBuffer
    private var runs: [Run] = []

    /// None, with room for so many bytes.
    init(capacity: Int) { buffer = ByteBufferAllocator().buffer(capacity: capacity) }

    var byteCount: Int { buffer.writerIndex }

    /// Adds the answer that `write` appends, to a connection by its number.
    mutating func append(to connection: Int, _ write: (inout ByteBuffer) -> Void) {
        let start = buffer.writerIndex
        write(&buffer)
        if runs.last?.connection != connection {
            runs.append(Run(connection: connection, count: 0, bytes: start..<start))
        }
        runs[runs.count - 1].count += 1
        runs[runs.count - 1].bytes = runs[runs.count - 1].bytes.lowerBound..<buffer.writerIndex
    }

    /// On the event loop of the connections.
    func write(to connections: [ConnectionHandler]) {
        for run in runs {
            guard let slice = buffer.getSlice(at: run.bytes.lowerBound, length: run.bytes.count) else {
                preconditionFailure("a run lies within its buffer")
            }
            connections[run.connection].write(slice, answering: run.count)
        }
    }
}
