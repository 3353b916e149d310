import StarlingSystem

@testable import StarlingSnapshots

/// Manifests of snapshots.
enum ManifestTarget: FuzzTarget {
    static let name = "manifest"
    static let maximumBytes = 4096
    private static let lsn: UInt64 = 7
    private static let lastLineBytes = 16

    static func run(_ input: UnsafeRawBufferPointer) {
        check(Array(input))
        check(sealed(Array(input)))
    }

    /// The input with a last line that has the right checksum.
    private static func sealed(_ input: [UInt8]) -> [UInt8] {
        let hasLastLine = input.suffix(lastLineBytes).starts(with: Array("crc32c=".utf8))
        let content = hasLastLine ? input.dropLast(lastLineBytes) : input[...]
        let checksum = content.withUnsafeBytes { CRC32C.checksum($0) }
        return content + Array("crc32c=\(hexadecimal(UInt64(checksum), digits: 8))\n".utf8)
    }

    private static func check(_ bytes: [UInt8]) {
        let name = SnapshotFiles.manifest(lsn: lsn)
        guard let manifest = try? SnapshotManifest.parse(bytes, fileName: name) else { return }
        expect(manifest.contradiction == nil && manifest.lsn == lsn, "a manifest that contradicts itself")
        expect(manifest.owners.count == manifest.workers + 1, "not an owner for each worker")
        guard let written = try? manifest.encoded() else { report("a manifest that was read cannot be written") }
        let again = try? SnapshotManifest.parse(written, fileName: name)
        expect(again == manifest, "a manifest reads differently when it was written")
        expect((try? again?.encoded()) == written, "a manifest is written differently each time")
        let retention = SnapshotRetention(choosingFrom: [manifest])
        expect(retention.kept == [manifest] && retention.logDispensableThrough == 0, "one snapshot is not enough")
        let plan = SnapshotPlan(base: manifest, retention: retention, changedPages: 1, workers: manifest.workers)
        expect(plan.kind == .full, "one snapshot is enough to build on")
        _ = manifest.byteCount
    }

    static func seeds() throws -> [[UInt8]] {
        func owner(_ number: Int, files: Int) -> SnapshotOwner {
            SnapshotOwner(
                regions: [SnapshotRegion(name: "rows", byteCount: 6), SnapshotRegion(name: "arena-0", byteCount: 0)],
                values: ["n": 1, "limit": .max],
                files: (0..<files).map { index in
                    let count = index + 1
                    return PageFileSummary(
                        name: SnapshotFiles.pages(lsn: lsn - UInt64(files - 1 - index), owner: number),
                        kind: index == 0 ? .image : .changes, pageCount: count,
                        byteCount: PageFileFormat.fileBytes(pageCount: count), tableChecksum: 4)
                })
        }
        return try [1, 2].map { workers in
            try SnapshotManifest(
                logID: 1, lsn: lsn, chain: 2, logMilliseconds: 1_700_000_000_000, workers: workers, timelineCap: 800,
                stateDigest: "0a1b", owners: (0...workers).map { owner($0, files: workers) }
            ).encoded()
        }
    }
}
