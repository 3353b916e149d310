import NIOCore
import NIOPosix

/// The threads that serve the listeners: event loops, those that may wait for the disk, and those that hash passwords.
struct ServerThreads: Sendable {
    let eventLoops: MultiThreadedEventLoopGroup
    /// Reads post bodies, so that neither workers nor event loops wait for the disk.
    let bodyReaders: NIOThreadPool
    /// Hash passwords: that is slow on purpose, and nobody else may wait for it.
    let passwordHashers: NIOThreadPool

    /// Bodies are mostly in memory; two threads keep a slow read from holding up the others.
    private static let bodyReaderCount = 2
    /// Each takes a processor and the memory of a hash.
    private static let passwordHasherCount = 2

    init(eventLoops count: Int) {
        eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: count)
        bodyReaders = NIOThreadPool(numberOfThreads: Self.bodyReaderCount)
        bodyReaders.start()
        passwordHashers = NIOThreadPool(numberOfThreads: Self.passwordHasherCount)
        passwordHashers.start()
    }

    func shutDown() async throws {
        try await bodyReaders.shutdownGracefully()
        try await passwordHashers.shutdownGracefully()
        try await eventLoops.shutdownGracefully()
    }
}
