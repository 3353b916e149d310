import Glibc
import StarlingMemory
import StarlingSimulation
import StarlingSystem

@testable import StarlingSnapshots

/// The memory of all owners as a test keeps it: owners, regions, bytes.
struct TestState: Equatable {
    static let pageBytes = SnapshotLimits.pageBytes
    var owners: [[[UInt8]]]

    static func random(_ random: inout SeededRandom, workers: Int, regions: Int, pages: UInt64) -> TestState {
        TestState(
            owners: (0...workers).map { _ in
                (0..<regions).map { _ in bytes(Int(random.next() % (pages * UInt64(pageBytes) + 1)), &random) }
            })
    }

    static func bytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        let step = UInt8(truncatingIfNeeded: random.next() | 1)
        var value = UInt8(truncatingIfNeeded: random.next())
        return (0..<count).map { _ in
            value &+= step
            return value
        }
    }

    /// Changes bytes here and there, and lets regions grow, shrink, and vanish.
    mutating func change(_ random: inout SeededRandom, changes: UInt64) {
        for owner in owners.indices {
            for region in owners[owner].indices {
                for _ in 0..<(random.next() % (changes + 1)) {
                    let count = owners[owner][region].count
                    if count > 0 { owners[owner][region][Int(random.next() % UInt64(count))] &+= 1 }
                }
                let count = owners[owner][region].count
                switch random.next() % 8 {
                case 0: owners[owner][region] += Self.bytes(Int(random.next() % 9_000), &random)
                case 1: owners[owner][region].removeLast(Int(random.next() % UInt64(min(count, 9_000) + 1)))
                case 2 where random.next() % 8 == 0: owners[owner][region] = []
                default: break
                }
            }
        }
    }

    func pageCounts(_ owner: Int) -> [Int] { owners[owner].map { SnapshotLimits.pages(holding: $0.count) } }

    /// The page with zeros behind the region's end. Nil when the region does not reach it.
    func page(_ owner: Int, _ id: PageID) -> [UInt8]? {
        guard Int(id.region) < owners[owner].count else { return nil }
        let bytes = owners[owner][Int(id.region)]
        let start = Int(id.page) * Self.pageBytes
        guard start < bytes.count else { return nil }
        let part = Array(bytes[start..<min(start + Self.pageBytes, bytes.count)])
        return part + [UInt8](repeating: 0, count: Self.pageBytes - part.count)
    }

    func allPages(_ owner: Int) -> [PageID] {
        pageCounts(owner).enumerated().flatMap { region, count in
            (0..<count).map { PageID(region: UInt16(region), page: UInt32($0)) }
        }
    }

    func changedPages(_ owner: Int, since old: TestState) -> [PageID] {
        allPages(owner).filter { page(owner, $0) != old.page(owner, $0) }
    }
}

/// Writes and loads snapshots of `TestState`s.
struct SnapshotFixture {
    static let logID: UInt64 = 0x5741_524c_494e_4721
    let disk: any Disk
    var directory = "data/snapshots"
    var store: SnapshotStore { SnapshotStore(directory: directory, disk: disk) }

    /// The data directory is durable before the store comes to it.
    func prepare() throws {
        try disk.createDirectory("data")
        try disk.syncDirectory("")
        try store.prepare()
    }

    /// Writes the page files of a snapshot: all pages, or, on `base`, those that changed since `base.state`.
    func write(
        _ state: TestState, lsn: UInt64, base: (manifest: SnapshotManifest, state: TestState)? = nil,
        random: inout SeededRandom
    ) throws -> SnapshotManifest {
        var owners: [SnapshotOwner] = []
        for owner in state.owners.indices {
            let counts = state.pageCounts(owner)
            let pages = base.map { state.changedPages(owner, since: $0.state) } ?? state.allPages(owner)
            let writer = try PageFileWriter(
                directory: directory, disk: disk,
                identity: PageFileIdentity(logID: Self.logID, lsn: lsn, owner: owner),
                layout: base == nil ? .image(regionPages: counts) : .changes(regionPages: counts), syncBytes: 20_000)
            do {
                try put(pages, of: state, owner, into: writer, &random)
                let summary = try writer.finish()
                let regions = state.owners[owner].enumerated().map { number, bytes in
                    SnapshotRegion(name: "region-\(number)", byteCount: bytes.count)
                }
                owners.append(
                    SnapshotOwner(
                        regions: regions, values: ["next": lsn &* 7, "limit": .max],
                        files: (base?.manifest.owners[owner].files ?? []) + [summary]))
            } catch {
                writer.abandon()
                throw error
            }
        }
        return SnapshotManifest(
            logID: Self.logID, lsn: lsn, chain: .max - lsn, logMilliseconds: 1_700_000_000_000 + lsn,
            workers: state.owners.count - 1, timelineCap: 800, stateDigest: hexadecimal(lsn &* 31), owners: owners)
    }

    /// Some pages in their order, some not, in groups of one to five.
    private func put(
        _ pages: [PageID], of state: TestState, _ owner: Int, into writer: PageFileWriter,
        _ random: inout SeededRandom
    ) throws {
        var order = pages
        for _ in 0..<(random.next() % 4) where order.count > 1 {
            order.swapAt(
                Int(random.next() % UInt64(order.count)), Int(random.next() % UInt64(order.count)))
        }
        var rest = order[...]
        while !rest.isEmpty {
            let group = Array(rest.prefix(Int(random.next() % 5) + 1))
            rest = rest.dropFirst(group.count)
            try writer.write(group, group.flatMap { state.page(owner, $0) ?? [] })
        }
    }

    /// Loads a snapshot into fresh memory, and returns what is there then.
    func load(_ manifest: SnapshotManifest) throws -> TestState {
        TestState(owners: try manifest.owners.map { try load($0) })
    }

    func load(_ owner: SnapshotOwner) throws -> [[UInt8]] {
        let memory = TestMemory(regions: owner.regions.map(\.byteCount))
        let image = try OwnerImage.load(
            directory: directory, files: owner.files, regions: memory.targets, logID: Self.logID, disk: disk)
        return withExtendedLifetime(image) { memory.contents }
    }

    /// The newest snapshot that can be loaded whole, as the engine looks for it at a start.
    func newestWhole() throws -> (manifest: SnapshotManifest, state: TestState)? {
        for candidate in try store.candidates() {
            guard case .success(let manifest) = candidate.manifest else { continue }
            if let state = try? load(manifest) { return (manifest, state) }
        }
        return nil
    }
}

/// Aligned memory for the regions of one owner, with a little room behind each and garbage in it.
final class TestMemory {
    let targets: [RegionTarget]
    private let blocks: [UnsafeMutableRawBufferPointer]

    init(regions: [Int], extraPages: Int = 2) {
        var blocks: [UnsafeMutableRawBufferPointer] = []
        targets = regions.map { byteCount in
            let reserved = (SnapshotLimits.pages(holding: byteCount) + extraPages) * SnapshotLimits.pageBytes
            let block = UnsafeMutableRawBufferPointer.allocate(
                byteCount: reserved, alignment: SnapshotLimits.pageBytes)
            blocks.append(block)
            guard let base = block.baseAddress else { preconditionFailure("the block is not empty") }
            memset(base, 0xa5, reserved)
            return RegionTarget(base: base, byteCount: byteCount, reservedBytes: reserved)
        }
        self.blocks = blocks
    }

    deinit {
        for block in blocks { block.deallocate() }
    }

    var contents: [[UInt8]] {
        targets.map { Array(UnsafeRawBufferPointer(start: $0.base, count: $0.byteCount)) }
    }
}

extension PageFileWriter {
    func write(_ ids: [PageID], _ bytes: [UInt8]) throws(SnapshotError) {
        try ids.withUnsafeBufferPointer { ids throws(SnapshotError) in
            try bytes.withUnsafeBufferPointer { bytes throws(SnapshotError) in
                try write(pages: UnsafeRawBufferPointer(bytes), ids: ids)
            }
        }
    }
}

extension SimulatedDisk {
    /// Every file with its content.
    var allContents: [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: files.map { ($0, contents($0) ?? []) })
    }
}
