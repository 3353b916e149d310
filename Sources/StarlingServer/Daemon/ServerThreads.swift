import NIOCore
import NIOPosix

/// The threads that serve the listeners: event loops, and those that may wait for the disk.
struct ServerThreads: Sendable {
    let eventLoops: MultiThreadedEventLoopGroup
    /// Reads post bodies, so that neither workers nor event loops wait for the disk.
    let bodyReaders: NIOThreadPool

    /// Bodies are mostly in memory; two threads keep a slow read from holding up the others.
    private static let bodyReaderCount = 2

    init(eventLoops count: Int) {
        eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: count)
        bodyReaders = NIOThreadPool(numberOfThreads: Self.bodyReaderCount)
        bodyReaders.start()
    }

    func shutDown() async throws {
        try await bodyReaders.shutdownGracefully()
        try await eventLoops.shutdownGracefully()
    }
}
