import CStarling

/// CRC-32C (Castagnoli), the checksum of Kafka's record batches and of every Starling file.
public enum CRC32C {
    /// The checksum of `bytes`, continuing from `previous` (0 at the start). About 0.1 ns a byte in hardware.
    @inlinable
    public static func checksum(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        starling_crc32c(previous, bytes.baseAddress, bytes.count)
    }
}
