import CJemalloc
import StarlingTestSupport
import Testing

/// jemalloc serves the whole process, not only those who call it by name.
@Suite struct AllocatorTests {
    /// Reads a counter of jemalloc; 0 when it has none of that name.
    private static func counter<Value: FixedWidthInteger>(_ name: String, _: Value.Type) -> Value {
        var value: Value = 0
        var size = MemoryLayout<Value>.size
        return mallctl(name, &value, &size, nil, 0) == 0 ? value : 0
    }

    /// Brings the statistics up to now.
    private static func refresh() {
        var epoch: UInt64 = 1
        _ = mallctl("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size)
    }

    /// Counted for this thread, on which no other test can interfere.
    @Test func swiftsArraysComeFromIt() {
        let before = Self.counter("thread.allocated", UInt64.self)
        let array = [UInt8](repeating: 7, count: 24 << 20)
        let taken = Self.counter("thread.allocated", UInt64.self) - before
        #expect(array.last == 7)
        // Its classes of sizes are an eighth to a fourth apart.
        #expect((24 << 20..<32 << 20).contains(taken), "24 MiB were allocated, jemalloc counts \(taken) bytes")
    }

    @Test func theProcessStatisticsCountThem() {
        Self.refresh()
        let arrays = (0..<4).map { [UInt8](repeating: $0, count: 32 << 20) }
        Self.refresh()
        let allocated = Self.counter("stats.allocated", Int.self)
        #expect(arrays.count == 4 && allocated >= 128 << 20, "of at least 128 MiB jemalloc counts \(allocated) bytes")
    }

    /// The program itself: jemalloc prints at its end what it has served.
    @Test func theProgramRunsOnIt() async throws {
        let directory = try TemporaryDirectory()
        let ending = try await StarlingCommand.run(
            "replay", "--users", "200", "--mean-followers", "5", "--post-count", "100", "--data",
            directory.path + "/data",
            "--ack", "memory", environment: ["MALLOC_CONF": "stats_print:true"])
        #expect(ending.code == 0)
        let statistics = try #require(ending.errors.firstMatch(of: #/Allocated: (\d+), active: \d+/#))
        #expect(Int(statistics.1).map { $0 > 1 << 20 } == true, "\(statistics.0)")
    }
}
