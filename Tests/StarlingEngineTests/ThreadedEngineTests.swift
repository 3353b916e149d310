import StarlingSimulation
import StarlingSystem
import Synchronization
import Testing

@testable import StarlingEngine

/// The engine on its own threads, and several clients on theirs.
@Suite(.serialized) struct ThreadedEngineTests {
    private func open(_ disk: SimulatedDisk, _ change: (inout EngineConfiguration) -> Void = { _ in }) throws -> Engine
    {
        var configuration = EngineFixture.smallConfiguration(workers: 2)
        change(&configuration)
        return try Engine.open(
            directory: "/data", configuration: configuration,
            environment: EngineEnvironment(disk: disk, time: SystemTime(), seed: 5))
    }

    /// The digest of what is on the disk, by an engine without threads and with another number of workers.
    private func digestOfTheLog(_ disk: SimulatedDisk) throws -> Hash128 {
        let fixture = try EngineFixture(
            EngineFixture.smallConfiguration(workers: 3), disk: SimulatedDisk(copying: disk, seed: 1))
        return try fixture.digest()
    }

    @Test func clientsSeeTheirOwnWritesAndWholePages() throws {
        let disk = SimulatedDisk(seed: 1)
        let engine = try open(disk)
        let clients = (UInt64(1)...4).map { Client($0, engine: engine) }
        let threads = clients.map { client in SystemThread(name: "client") { client.run(rounds: 60) } }
        for thread in threads { thread.join() }
        for client in clients { #expect(client.problems == []) }
        let digest = try Client.wait { engine.stateDigest(completion: $0) }.get().digest
        let statistics = try Client.wait { engine.quiesce(completion: $0) }.get().statistics
        #expect(statistics.posts == UInt64(clients.reduce(0) { $0 + $1.livePosts }))
        try engine.close()
        #expect(try digestOfTheLog(disk) == digest)
    }

    @Test(arguments: [true, false])
    func closeAnswersEverythingAndKeepsWhatItAcknowledged(clean: Bool) throws {
        let disk = SimulatedDisk(seed: 2)
        let engine = try open(disk)
        let acknowledged = Atomic<Int>(0)
        let answered = Atomic<Int>(0)
        let calls = 600
        for number in 0..<calls / 2 {
            let post = NewPost(author: UserID(rawValue: 1), text: "post \(number)")
            engine.submit(.createPost(post), WriteContext(actor: UserID(rawValue: 1))) { result in
                if case .success = result { acknowledged.wrappingAdd(1, ordering: .relaxed) }
                answered.wrappingAdd(1, ordering: .relaxed)
            }
            engine.feed(of: UserID(rawValue: UInt64(number)), minimumLSN: UInt64(number)) { _ in
                answered.wrappingAdd(1, ordering: .relaxed)
            }
        }
        try engine.close(clean: clean)
        #expect(answered.load(ordering: .relaxed) == calls)
        let posts = acknowledged.load(ordering: .relaxed)
        #expect(!clean || posts == calls / 2)
        let fixture = try EngineFixture(disk: SimulatedDisk(copying: disk, seed: 1))
        let kept = try fixture.posts(of: 1, limit: 1_000).count
        #expect(clean ? kept == posts : kept >= posts)
    }

    /// A worker that does not move fills the ring; the writer waits for it and goes on afterwards.
    @Test func writerWaitsForAWorkerThatIsBehind() throws {
        let engine = try open(SimulatedDisk(seed: 3)) { $0.celebrityThreshold = 1_000_000 }
        let gate = Parker()
        let isHeld = Parker()
        engine.onWorker(0, minimumLSN: 0, { (_: Result<Void, EngineError>) in }) { _ in
            isHeld.wake()
            gate.park(milliseconds: 60_000)
        }
        isHeld.park(milliseconds: 60_000)
        let answered = Atomic<Int>(0)
        for batch in 0..<UInt64(5) {
            engine.submit(.followsOfStrangers(batch: batch), WriteContext(actor: UserID(rawValue: 1))) { result in
                if case .success = result { answered.wrappingAdd(1, ordering: .releasing) }
            }
        }
        while answered.load(ordering: .acquiring) < 4 { Parker().park(milliseconds: 1) }
        #expect(answered.load(ordering: .acquiring) == 4)
        gate.wake()
        let statistics = try Client.wait { engine.quiesce(completion: $0) }.get().statistics
        #expect(statistics.edges == 50_000)
        try engine.close()
    }

    /// With its own threads and clock an engine learns what it can deliver, and goes by it.
    @Test func engineMeasuresItself() throws {
        let engine = try open(SimulatedDisk(seed: 6)) {
            $0.workers = 1
            $0.celebrityThreshold = 1_000_000
        }
        let author = UserID(rawValue: 1)
        func run(_ command: Command) throws {
            _ = try Client.wait { engine.submit(command, WriteContext(actor: author), completion: $0) }.get()
        }
        try run(.importFollows((2...4_001).map { NewFollow(follower: UserID(rawValue: $0), followee: author) }))
        #expect(engine.deliveriesPerSecond == nil && engine.deliveriesPerDayLimit == nil)
        for _ in 0..<60 { try run(.createPost(NewPost(author: author, text: "x"))) }
        _ = try Client.wait { engine.quiesce(completion: $0) }.get()
        #expect(try #require(engine.deliveriesPerSecond) > 0)
        #expect(try Client.wait { engine.metrics(completion: $0) }.get().deliveriesPerSecond > 0)
        // So little that any capacity is too small for the author.
        engine.celebrityCostShare = 1e-15
        #expect(engine.deliveriesPerDayLimit == 0)
        try run(.createPost(NewPost(author: author, text: "x")))
        let lsn = engine.publishedLSN
        let profile = try Client.wait { engine.profile(of: author, minimumLSN: lsn, completion: $0) }.get()
        #expect(profile?.lastSwitch?.reason == .cost)
        try engine.close()
    }

    @Test func failureOfTheLogEndsTheWritingAndAnswersAll() throws {
        let disk = SimulatedDisk(seed: 4)
        let told = Atomic<Int>(0)
        let engine = try Engine.open(
            directory: "/data", configuration: EngineFixture.smallConfiguration(),
            environment: EngineEnvironment(disk: disk, time: SystemTime(), seed: 5),
            onFailure: { _ in told.wrappingAdd(1, ordering: .relaxed) })
        disk.fail(.sync, code: SystemErrorCode.inputOutput)
        let answered = Atomic<Int>(0)
        for _ in 0..<50 {
            engine.submit(
                .createPost(NewPost(author: UserID(rawValue: 1), text: "x")), WriteContext(actor: UserID(rawValue: 1))
            ) { result in
                if case .failure = result { answered.wrappingAdd(1, ordering: .releasing) }
            }
        }
        while answered.load(ordering: .acquiring) < 50 { Parker().park(milliseconds: 1) }
        #expect(engine.failure != nil)
        #expect(try Client.wait { engine.feed(of: UserID(rawValue: 1), completion: $0) }.get().entries.isEmpty)
        try engine.close()
        #expect(told.load(ordering: .relaxed) == 1)
    }
}

/// Writes, and reads what it wrote. Account `number` posts, its own reader `100 + number` follows nobody else, and
/// everybody follows everybody now and then.
final class Client: @unchecked Sendable {
    private let engine: Engine
    private let number: UInt64
    private var random: SeededRandom
    private var posts: [PostID] = []
    private(set) var problems: [String] = []
    var livePosts: Int { posts.count }

    init(_ number: UInt64, engine: Engine) {
        self.number = number
        self.engine = engine
        random = SeededRandom(seed: number)
    }

    /// Calls and waits for the answer.
    static func wait<Value: Sendable>(
        _ start: (@escaping @Sendable (Result<Value, EngineError>) -> Void) -> Void
    ) -> Result<Value, EngineError> {
        let parker = Parker()
        let box = Box<Result<Value, EngineError>>()
        start { result in
            box.set(result)
            parker.wake()
        }
        while true {
            if let value = try? box.value() { return value }
            parker.park(milliseconds: 1_000)
        }
    }

    private func write(_ command: Command, as actor: UInt64) -> WriteReceipt? {
        let result = Self.wait { engine.submit(command, WriteContext(actor: UserID(rawValue: actor)), completion: $0) }
        if case .failure(let error) = result { problems.append("\(error)") }
        return try? result.get()
    }

    private func page(_ reader: UInt64, minimumLSN: UInt64 = 0, limit: Int = 200) -> [PostID] {
        let result = Self.wait {
            engine.feed(of: UserID(rawValue: reader), limit: limit, minimumLSN: minimumLSN, completion: $0)
        }
        guard let page = try? result.get() else {
            problems.append("\(result)")
            return []
        }
        let ids = page.entries.map(\.post)
        if zip(ids, ids.dropFirst()).contains(where: { $0 <= $1 }) { problems.append("a page out of order") }
        if page.asOfLSN < minimumLSN { problems.append("a page from before the write") }
        return ids
    }

    func run(rounds: Int) {
        _ = write(.follow(UserID(rawValue: number)), as: 100 + number)
        for round in 0..<rounds {
            if round % 5 == 4 { deleteOne() } else { postOne() }
            changeEdge()
            _ = page(200 + number, limit: 30)
        }
    }

    private func postOne() {
        let command = Command.createPost(NewPost(author: UserID(rawValue: number), text: "hello"))
        guard let receipt = write(command, as: number), let id = receipt.outcome.post else { return }
        posts.append(id)
        expectOwnFeed(minimumLSN: receipt.lsn)
    }

    private func deleteOne() {
        guard !posts.isEmpty else { return }
        let id = posts.remove(at: Int.random(in: 0..<posts.count, using: &random))
        guard let receipt = write(.deletePost(id), as: number) else { return }
        expectOwnFeed(minimumLSN: receipt.lsn)
    }

    private func expectOwnFeed(minimumLSN: UInt64) {
        if page(100 + number, minimumLSN: minimumLSN) != posts.reversed() {
            problems.append("its own writes are not there")
        }
    }

    /// One of the readers that all clients share follows or leaves somebody.
    private func changeEdge() {
        let reader = 200 + UInt64.random(in: 1...20, using: &random)
        let author = UserID(rawValue: UInt64.random(in: 1...4, using: &random))
        _ = write(Bool.random(using: &random) ? .follow(author) : .unfollow(author), as: reader)
    }
}
