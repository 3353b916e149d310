import FoundationEssentials
import StarlingSystem

extension SnapshotManifest {
    private static let lastLineStart = "crc32c="
    private static let lastLineBytes = 16

    /// The bytes of its file: JSON with sorted keys, and a last line with the checksum of all bytes before that line.
    public func encoded() throws(SnapshotError) -> [UInt8] {
        if let contradiction { throw .invalidRequest("manifest of lsn \(lsn): \(contradiction)") }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        var bytes: [UInt8]
        do {
            bytes = try Array(encoder.encode(self))
        } catch {
            throw .invalidRequest("manifest of lsn \(lsn) cannot be written as JSON: \(error)")
        }
        bytes.append(UInt8(ascii: "\n"))
        bytes += Self.lastLine(for: bytes[...])
        guard bytes.count <= SnapshotLimits.manifestBytes else {
            throw .invalidRequest("manifest of lsn \(lsn) takes \(bytes.count) bytes")
        }
        return bytes
    }

    /// Reads a manifest out of any bytes. `fileName` is its file's name, which has to fit.
    ///
    /// Throws `unknownFormat` when the checksum is right and the version is another, `damaged` for everything else.
    public static func parse(_ bytes: [UInt8], fileName: String) throws(SnapshotError) -> SnapshotManifest {
        let whole = PageFilePlace(file: fileName, place: "its end")
        guard bytes.count > lastLineBytes, bytes.count <= SnapshotLimits.manifestBytes else {
            throw whole.damaged("\(bytes.count) bytes are no manifest")
        }
        let content = bytes.dropLast(lastLineBytes)
        guard bytes.suffix(lastLineBytes).elementsEqual(lastLine(for: content)) else {
            throw whole.damaged("the checksum does not match")
        }
        let json = PageFilePlace(file: fileName, place: "its JSON")
        let manifest: SnapshotManifest
        do {
            let decoder = JSONDecoder()
            let version = try decoder.decode(VersionOnly.self, from: Data(content)).formatVersion
            guard version == UInt64(formatVersion) else {
                throw SnapshotError.unknownFormat(file: fileName, version: version)
            }
            manifest = try decoder.decode(SnapshotManifest.self, from: Data(content))
        } catch let error as SnapshotError {
            throw error
        } catch {
            throw json.damaged("it cannot be read as a manifest")
        }
        if let contradiction = manifest.contradiction { throw json.damaged(contradiction) }
        guard manifest.fileName == fileName else { throw json.damaged("it stands for lsn \(manifest.lsn)") }
        return manifest
    }

    private static func lastLine(for content: ArraySlice<UInt8>) -> [UInt8] {
        let checksum = content.withUnsafeBytes { CRC32C.checksum($0) }
        return Array((lastLineStart + hexadecimal(UInt64(checksum), digits: 8) + "\n").utf8)
    }

    /// All that later versions promise to keep.
    private struct VersionOnly: Decodable {
        var formatVersion: UInt64
    }
}

extension SnapshotManifest: Codable {
    private enum CodingKeys: String, CodingKey {
        case formatVersion, logID, lsn, chain, logMilliseconds, workers, timelineCap, stateDigest, owners
    }

    /// Writes log id and chain as 16 hexadecimal digits: many readers of JSON keep no more than 53 bits of a number.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.formatVersion, forKey: .formatVersion)
        try container.encode(hexadecimal(logID), forKey: .logID)
        try container.encode(lsn, forKey: .lsn)
        try container.encode(hexadecimal(chain), forKey: .chain)
        try container.encode(logMilliseconds, forKey: .logMilliseconds)
        try container.encode(workers, forKey: .workers)
        try container.encode(timelineCap, forKey: .timelineCap)
        try container.encode(stateDigest, forKey: .stateDigest)
        try container.encode(owners, forKey: .owners)
    }

    /// Reads what `encode` writes. It does not look for contradictions; `parse` does.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func word(_ key: CodingKeys) throws -> UInt64 {
            guard let value = parseHexadecimal(try container.decode(String.self, forKey: key), digits: 16) else {
                throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: "16 digits wanted")
            }
            return value
        }
        self.init(
            logID: try word(.logID), lsn: try container.decode(UInt64.self, forKey: .lsn), chain: try word(.chain),
            logMilliseconds: try container.decode(UInt64.self, forKey: .logMilliseconds),
            workers: try container.decode(Int.self, forKey: .workers),
            timelineCap: try container.decode(Int.self, forKey: .timelineCap),
            stateDigest: try container.decode(String.self, forKey: .stateDigest),
            owners: try container.decode([SnapshotOwner].self, forKey: .owners))
    }
}
