import StarlingSystem

extension LogOpening {
    /// Compares the index file of each sealed segment that was read with what was read, and makes the wrong and missing
    /// ones again. Failures cost only speed. Returns the segments whose index was made, and the segments as readers
    /// need them.
    func settleIndexes(of survey: LogSurvey) -> (segments: [SegmentSurvey], rebuilt: [String]) {
        let index = IndexFile(directory: path, disk: disk)
        var segments = survey.segments
        var rebuilt: [String] = []
        for number in segments.indices.dropLast() {
            guard let summary = segments[number].summary else { continue }
            if !index.matches(summary) {
                guard index.write(summary) else { continue }
                rebuilt.append(LogFiles.index(base: summary.facts.base))
            }
            // From now on the tables come from the file.
            segments[number] = SegmentSurvey(
                name: segments[number].name, fileSize: segments[number].fileSize, facts: summary.facts, tables: nil)
        }
        return (segments, rebuilt)
    }

    /// Removes what an interrupted removal of segments has left, and half-made files. Only after the verdict: by then
    /// the segment where the log begins is known to be there.
    func removeLeftovers(of survey: LogSurvey) throws(DiskError) {
        let sealed = Set(survey.segments.dropLast().map(\.base))
        for name in try disk.list(path) {
            let isOrphan = LogFiles.base(ofIndex: name).map { !sealed.contains($0) } ?? false
            if isOrphan || LogFiles.isLeftover(name) { try disk.remove(path + "/" + name) }
        }
        for base in survey.leftovers { try disk.remove(path + "/" + LogFiles.segment(base: base)) }
    }
}
