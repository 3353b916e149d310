import Glibc
import StarlingMemory
import StarlingSystem

@testable import StarlingSnapshots

/// Page files: header, table and footer, and the pages put into memory.
enum PagesTarget: FuzzTarget {
    static let name = "pages"
    static let maximumBytes = 300
    private static let guardPages = 2
    private static let guardByte: UInt8 = 0xa5

    static func run(_ input: UnsafeRawBufferPointer) throws {
        let recipe = PagesRecipe(input)
        let pages = recipe.regions.map { SnapshotLimits.pages(holding: $0) }
        for file in recipe.files {
            guard
                let reader = try? PageFileReader(
                    directory: "snapshots", summary: file.summary, logID: PagesRecipe.logID, regionPages: pages,
                    disk: recipe.disk)
            else { continue }
            _ = try? reader.verifyPages()
            var next = 0
            while next < reader.entries.count {
                let run = reader.run(from: next)
                expect(run.lowerBound == next && run.upperBound > next, "a row of pages does not go on")
                next = run.upperBound
            }
            expect(next == reader.entries.count, "a row of pages goes beyond the table")
        }
        try load(recipe, pages)
    }

    private static func load(_ recipe: PagesRecipe, _ pages: [Int]) throws {
        let blocks = pages.map { count in
            let bytes = (count + guardPages) * SnapshotLimits.pageBytes
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: SnapshotLimits.pageBytes)
            block.initializeMemory(as: UInt8.self, repeating: guardByte)
            return block
        }
        defer { for block in blocks { block.deallocate() } }
        let targets = zip(blocks, recipe.regions).map { block, byteCount in
            RegionTarget(base: block.baseAddress.unsafelyUnwrapped, byteCount: byteCount, reservedBytes: block.count)
        }
        let image = try? OwnerImage.load(
            directory: "snapshots", files: recipe.files.map(\.summary), regions: targets, logID: PagesRecipe.logID,
            disk: recipe.disk)
        for (block, count) in zip(blocks, pages) {
            let rest = block[(count * SnapshotLimits.pageBytes)...]
            expect(rest.allSatisfy { $0 == guardByte }, "a page was put behind its region")
        }
        if image != nil { checkMemory(recipe, pages, blocks) }
    }

    /// The memory holds the newest version of each page.
    private static func checkMemory(
        _ recipe: PagesRecipe, _ pages: [Int], _ blocks: [UnsafeMutableRawBufferPointer]
    ) {
        for (region, count) in pages.enumerated() {
            for page in 0..<count {
                let bytes = blocks[region][(page * SnapshotLimits.pageBytes)..<((page + 1) * SnapshotLimits.pageBytes)]
                guard let fill = bytes.first, bytes.allSatisfy({ $0 == fill }) else {
                    report("region \(region) page \(page) is put together from several")
                }
                // Patches of a table change which page is which; then only the checksums speak.
                if let expected = recipe.fill(region: region, page: page) {
                    expect(fill == expected, "region \(region) page \(page) is not the newest one")
                }
            }
        }
    }

    static func seeds() throws -> [[UInt8]] {
        /// Two regions of 3 and 1 pages; rows as (region, page, fill, further pages).
        func recipe(_ flags: UInt8, _ files: [(kind: UInt8, rows: [[UInt8]])]) -> [UInt8] {
            var bytes: [UInt8] = [flags, 2, 0x00, 0x08, 0x01, 0x00, UInt8(files.count - 1)]
            for file in files {
                bytes += [file.kind, UInt8(file.rows.count)]
                for row in file.rows { bytes += [row[0], row[1], 0, row[2], row[3]] }
                bytes += [0, 0]
            }
            return bytes
        }
        let image: (UInt8, [[UInt8]]) = (0, [[0, 0, 7, 2], [1, 0, 9, 0]])
        let wide: [UInt8] = [0, 1, 0xff, 0xff, 0, 0, 1, 0, 0, 0, 5, 250, 0, 0]
        return [
            recipe(0, [image]), recipe(0, [image, (1, [[0, 2, 3, 0], [0, 0, 4, 0]])]),
            recipe(0, [image, (1, [[0, 1, 1, 5]]), (1, [[1, 0, 2, 0]])]), recipe(1, [image]), recipe(2, [image]), wide,
        ]
    }
}
