import Testing

@testable import StarlingTopics

@Suite struct PartitionerTests {
    /// The vectors of Kafka's own test, `UtilsTest.testMurmur2`.
    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
    ])
    func murmur2AsInKafka(text: String, hash: Int32) {
        #expect(Int32(bitPattern: Partitioner.murmur2(Array(text.utf8))) == hash)
    }

    @Test func aPartitionIsThePositiveHashByTheirNumber() {
        #expect(
            Partitioner.partition(of: Array("21".utf8), partitions: 7) == Int(Int32(-973_932_308) & 0x7fff_ffff) % 7)
        #expect(Partitioner.partition(of: [], partitions: 1) == 0)
    }
}
