import StarlingSystem

/// The 88 bytes before each batch, all little endian. See docs/log-format.md for the table.
///
/// The header has a checksum of its own, so that no length is used before it is verified. Magic, version, flags and
/// header length keep their places in every version, and the checksum is always the header's last four bytes.
struct EnvelopeHeader: Equatable {
    static let size = 88
    /// The longest header that a later version may have and still be recognised as one.
    static let largestSize = 512
    static let version: UInt8 = 1
    /// The bytes `S`, `T`, `R`, `L`.
    static let magic: UInt32 = 0x4c52_5453
    /// Set in the marker that a clean shutdown leaves.
    static let cleanShutdown: UInt8 = 1
    /// Set in the marker that opening, or an idle writer, leaves.
    static let syncMarker: UInt8 = 2
    /// Set in an envelope without body that stands for records which were lost; only salvage writes it.
    static let lostRecords: UInt8 = 4

    var flags: UInt8 = 0
    var bodyLength: UInt32 = 0
    var recordCount: UInt32 = 0
    var logID: UInt64
    var incarnation: UInt64
    var segmentBase: UInt64
    var sequence: UInt64
    var baseLSN: UInt64
    var durableUpTo: UInt64
    var previousChain: UInt64
    var chain: UInt64
    var bodyChecksum: UInt32 = 0

    /// The lsn after the last record.
    var nextLSN: UInt64 { baseLSN + UInt64(recordCount) }

    /// Header and body.
    var totalLength: UInt64 { UInt64(Self.size) + UInt64(bodyLength) }

    var isCleanShutdown: Bool { flags & Self.cleanShutdown != 0 }

    /// Whether it stands for records that are not there.
    var isLost: Bool { flags == Self.lostRecords }

    /// Stores the header at `pointer`, which has room for 88 bytes.
    func write(to pointer: UnsafeMutableRawPointer) {
        var fields = FieldWriter(pointer)
        fields.littleEndian(Self.magic)
        fields.byte(Self.version)
        fields.byte(flags)
        fields.littleEndian(UInt16(Self.size))
        fields.littleEndian(bodyLength)
        fields.littleEndian(recordCount)
        fields.littleEndian(logID)
        fields.littleEndian(incarnation)
        fields.littleEndian(segmentBase)
        fields.littleEndian(sequence)
        fields.littleEndian(baseLSN)
        fields.littleEndian(durableUpTo)
        fields.littleEndian(previousChain)
        fields.littleEndian(chain)
        fields.littleEndian(bodyChecksum)
        fields.littleEndian(CRC32C.checksum(UnsafeRawBufferPointer(start: pointer, count: Self.size - 4)))
    }
}

/// What 88 bytes turned out to be.
enum EnvelopeParse {
    case header(EnvelopeHeader)
    case unknownVersion(Int)
    case invalid(String)
}

extension EnvelopeHeader {
    /// Reads a header from the start of `bytes`. Believes nothing before the checksum agrees.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> EnvelopeParse {
        guard bytes.count >= size else { return .invalid("the file ends inside an envelope header") }
        func load<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Value.Type) -> Value {
            Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }
        guard load(0, UInt32.self) == magic else { return .invalid("no envelope starts here") }
        let length = Int(load(6, UInt16.self))
        guard length >= 16, length <= bytes.count else { return .invalid("the envelope's header length is impossible") }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(length - 4)])
        guard CRC32C.checksum(covered) == load(length - 4, UInt32.self) else {
            return .invalid("the envelope header's checksum does not match")
        }
        guard bytes[4] == version, length == size, bytes[5] <= lostRecords else {
            return .unknownVersion(Int(bytes[4]))
        }
        let header = EnvelopeHeader(
            flags: bytes[5],
            bodyLength: load(8, UInt32.self),
            recordCount: load(12, UInt32.self),
            logID: load(16, UInt64.self),
            incarnation: load(24, UInt64.self),
            segmentBase: load(32, UInt64.self),
            sequence: load(40, UInt64.self),
            baseLSN: load(48, UInt64.self),
            durableUpTo: load(56, UInt64.self),
            previousChain: load(64, UInt64.self),
            chain: load(72, UInt64.self),
            bodyChecksum: load(80, UInt32.self)
        )
        if let reason = header.contradiction { return .invalid(reason) }
        return .header(header)
    }

    /// Why no writer can have written these fields, although the checksum agrees.
    private var contradiction: String? {
        if baseLSN == 0 || baseLSN > LogLimits.highestLSN { return "the envelope's base lsn is impossible" }
        if segmentBase == 0 || segmentBase > baseLSN { return "the envelope's segment base is impossible" }
        if sequence == 0 || sequence > .max / 2 { return "the envelope's sequence is impossible" }
        if incarnation == 0 || incarnation > .max / 2 { return "the envelope's incarnation is impossible" }
        if durableUpTo >= nextLSN { return "the envelope's durable watermark lies beyond its records" }
        if bodyLength > LogLimits.envelopeBodyBytes { return "the envelope's body is larger than 16 MiB" }
        if isLost {
            if recordCount == 0 || bodyLength != 0 { return "an envelope for lost records has a body or no records" }
            return nil
        }
        let isMarker = flags != 0
        if isMarker != (recordCount == 0) || isMarker != (bodyLength == 0) {
            return "the envelope is neither a marker nor a batch"
        }
        if isMarker, chain != previousChain { return "a marker must not change the chain" }
        return nil
    }
}
