import StarlingSystem
import Testing

@testable import StarlingMemory

/// Small regions that share a mapping do not touch each other.
@Suite struct RegionMemoryTests {
    @Test func regionsAndTheirStampsLieApart() throws {
        var random = SeededRandom(seed: 4)
        let memory = RegionMemory()
        var ranges: [Range<UInt>] = []
        var regions: [TrackedRegion] = []
        // More than one mapping holds, and some that get their own.
        for number in 0..<60 {
            let most = number % 10 == 9 ? 4 << 20 : 1 << 20
            let region = try TrackedRegion(
                byteCount: Int.random(in: 1...most, using: &random), hugePages: false, in: memory)
            regions.append(region)
            let start = UInt(bitPattern: region.base)
            #expect(start % 4096 == 0)
            ranges.append(start..<(start + UInt(region.reservedBytes)))
        }
        let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
        for (one, next) in zip(sorted, sorted.dropFirst()) { #expect(one.upperBound <= next.lowerBound) }
        // Written to the last byte, each still holds what it was given, and knows which pages were written.
        for (number, region) in regions.enumerated() {
            for page in stride(from: 0, to: region.reservedBytes, by: 4096) {
                region.barrier.willWrite(region.base + page)
                (region.base + page).initializeMemory(as: UInt8.self, repeating: UInt8(number + 1), count: 4096)
            }
        }
        for (number, region) in regions.enumerated() {
            let bytes = UnsafeRawBufferPointer(start: region.base, count: region.reservedBytes)
            #expect(bytes.allSatisfy { $0 == UInt8(number + 1) })
        }
    }

    @Test func aRegionOutlivesTheMemoryThatItCameFrom() throws {
        var regions: [TrackedRegion] = []
        do {
            let memory = RegionMemory()
            for _ in 0..<4 { regions.append(try TrackedRegion(byteCount: 4096, hugePages: false, in: memory)) }
        }
        regions.removeFirst(3)
        let region = try #require(regions.first)
        region.barrier.willWrite(region.base)
        region.base.storeBytes(of: 7, as: UInt8.self)
        #expect(region.base.load(as: UInt8.self) == 7)
    }

    @Test func pagesOfARegionCanBeReplacedWithoutHarmToItsNeighbours() throws {
        let memory = RegionMemory()
        let regions = try (0..<3).map { _ in try TrackedRegion(byteCount: 5000, hugePages: false, in: memory) }
        for (number, region) in regions.enumerated() {
            region.barrier.willWrite(region.base)
            region.base.storeBytes(of: UInt8(number + 1), as: UInt8.self)
        }
        let mover = try #require(regions[1].makeMover(usedBytes: 5000))
        while !mover.isDone { mover.step() }
        for (number, region) in regions.enumerated() {
            #expect(region.base.load(as: UInt8.self) == UInt8(number + 1))
            region.barrier.willWrite(region.base + 4096)
        }
    }
}
