import StarlingLog
import StarlingSystem

/// The file `checkpoint` of a partition: a point of its log that is durable, and what is known of its producers there. A start
/// then reads the log from that point on only. It can be lost: the whole log says the same.
struct PartitionCheckpoint {
    var logID: UInt64
    var point: LogPoint
    var producers: ProducerTable

    private static let file = ChecksummedFile(magic: 0x5054_5453, name: "checkpoint", maximumBytes: 64 << 20)

    func write(in directory: String, disk: any Disk) throws(DiskError) {
        var encoder = ByteEncoder()
        encoder.fixed(logID)
        encoder.fixed(point.lsn)
        encoder.fixed(point.chain)
        producers.encode(into: &encoder)
        try Self.file.write(encoder.bytes, in: directory, disk: disk)
    }

    /// Nil when there is none that can be used, or one of another log.
    static func read(
        in directory: String, disk: any Disk, logID: UInt64, producerLimit: Int
    ) throws(TopicError) -> PartitionCheckpoint? {
        guard case .contents(let bytes) = try file.read(in: directory, disk: disk) else { return nil }
        return bytes.withUnsafeBytes { bytes in
            var decoder = ByteDecoder(bytes)
            guard decoder.fixed(UInt64.self) == logID, let lsn = decoder.fixed(UInt64.self),
                let chain = decoder.fixed(UInt64.self),
                let producers = ProducerTable(decoding: &decoder, limit: producerLimit), decoder.isAtEnd
            else { return nil }
            return PartitionCheckpoint(
                logID: logID, point: LogPoint(lsn: lsn, chain: chain), producers: producers)
        }
    }
}
