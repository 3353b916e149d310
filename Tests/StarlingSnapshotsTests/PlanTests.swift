import Testing

@testable import StarlingSnapshots

/// The rules as pure functions: full or incremental, and what is kept.
@Suite struct PlanTests {
    private let good = SnapshotPlan(
        hasBase: true, hasIndependentGeneration: true, baseWorkers: 2, workers: 2, imagePages: 100, changedPages: 50,
        files: 15)

    @Test func buildingOnTheNewestIsTheRule() { #expect(good.kind == .incremental) }

    @Test func eachReasonAloneMakesItFull() {
        let reasons: [(inout SnapshotPlan) -> Void] = [
            { $0.hasBase = false }, { $0.hasIndependentGeneration = false }, { $0.workers = 3 },
            { $0.changedPages = 51 }, { $0.files = 16 },
        ]
        for (number, reason) in reasons.enumerated() {
            var plan = good
            reason(&plan)
            #expect(plan.kind == .full, "reason \(number)")
        }
    }

    private func manifest(_ lsn: UInt64, files: [UInt64], pages: Int = 10) -> SnapshotManifest {
        let owners = [0, 1].map { owner in
            SnapshotOwner(
                regions: [], values: [:],
                files: files.enumerated().map { index, lsn in
                    PageFileSummary(
                        name: SnapshotFiles.pages(lsn: lsn, owner: owner), kind: index == 0 ? .image : .changes,
                        pageCount: index == 0 ? pages : 2, byteCount: 0, tableChecksum: 0)
                })
        }
        return SnapshotManifest(
            logID: 1, lsn: lsn, chain: 0, logMilliseconds: 0, workers: 1, timelineCap: 1, stateDigest: "0",
            owners: owners)
    }

    private func kept(_ manifests: SnapshotManifest...) -> [UInt64] {
        SnapshotRetention(choosingFrom: manifests).kept.map(\.lsn)
    }

    @Test func theRuleKeepsTheNewestItsPredecessorAndAnIndependentOne() {
        let one = manifest(1, files: [1])
        let two = manifest(2, files: [1, 2])
        let three = manifest(3, files: [3])
        let four = manifest(4, files: [3, 4])
        let five = manifest(5, files: [3, 4, 5])
        #expect(kept() == [])
        #expect(kept(one) == [1])
        #expect(kept(one, two) == [2, 1])
        #expect(kept(two, three, one) == [3, 2])
        #expect(kept(one, two, three, four) == [4, 3, 2])
        #expect(kept(one, two, three, four, five) == [5, 4, 2])
        #expect(kept(three, four, five) == [5, 4])
        #expect(kept(one, five) == [5, 1])
    }

    @Test func theLogIsDispensableOnlyThroughAnIndependentGeneration() {
        let one = manifest(1, files: [1])
        let two = manifest(2, files: [1, 2])
        let three = manifest(3, files: [3])
        #expect(SnapshotRetention(choosingFrom: []).logDispensableThrough == 0)
        #expect(SnapshotRetention(choosingFrom: [one, two]).logDispensableThrough == 0)
        #expect(SnapshotRetention(choosingFrom: [one, two, three]).logDispensableThrough == 2)
    }

    @Test func thePlanTakesItsFactsFromTheManifests() {
        let old = manifest(1, files: [1])
        let base = manifest(3, files: [2, 3])
        let retention = SnapshotRetention(choosingFrom: [old, base])
        let plan = SnapshotPlan(base: base, retention: retention, changedPages: 5, workers: 1)
        #expect(plan.imagePages == 20 && plan.changedPages == 9 && plan.files == 2)
        #expect(plan.kind == .incremental)
        #expect(SnapshotPlan(base: base, retention: retention, changedPages: 7, workers: 1).kind == .full)
        #expect(SnapshotPlan(base: base, retention: retention, changedPages: 0, workers: 2).kind == .full)
        #expect(SnapshotPlan(base: nil, retention: retention, changedPages: 0, workers: 1).kind == .full)
        #expect(SnapshotPlan(base: old, retention: retention, changedPages: 0, workers: 1).kind == .full)
    }
}
