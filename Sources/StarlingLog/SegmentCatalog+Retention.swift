import Synchronization

extension SegmentCatalog {
    /// The sealed segments at the front that `policy` lets go, in order.
    func removable(_ policy: RetentionPolicy, keepingFrom lsn: UInt64, now: UInt64) -> [SegmentFacts] {
        state.withLock { state in
            var total = state.segments.reduce(UInt64(0)) { $0 + $1.facts.dataEnd }
            var result: [SegmentFacts] = []
            // The last one is being written.
            for segment in state.segments.dropLast() {
                let facts = segment.facts
                guard facts.nextLSN <= lsn, policy.removes(facts, total: total, now: now) else { break }
                total -= facts.dataEnd
                result.append(facts)
            }
            return result
        }
    }

    /// Hides the first `count` segments from readers. Files that a reader holds stay readable for it.
    func removeFirst(_ count: Int) {
        state.withLock { state in
            state.openFiles -= state.segments.prefix(count).count { $0.file != nil }
            state.segments.removeFirst(count)
        }
    }

    /// The first sealed segment that holds a record from `lsn` on. Nil when there is none.
    func sealedSegment(from lsn: UInt64) -> SegmentFacts? {
        state.withLock { state in
            let number = state.segments.partitioningIndex { $0.facts.nextLSN > lsn }
            return number + 1 < state.segments.count ? state.segments[number].facts : nil
        }
    }

    /// All segments, the one that is written last, as far as they go now.
    var allSegments: [SegmentFacts] { state.withLock { $0.segments.map(\.facts) } }

    /// The first segment with a record at or after `time`. Nil when there is none.
    func segment(reaching time: UInt64) -> SegmentFacts? {
        state.withLock { state in
            state.segments.first { $0.facts.records > 0 && $0.facts.maxTimestamp >= time }?.facts
        }
    }
}
