import StarlingSystem

/// A log that was opened for writing.
public struct OpenedLog: Sendable {
    /// The shared side.
    public let log: Log
    /// The writer, for the one thread that writes.
    public let writer: LogWriter
    /// What opening found and did.
    public let report: RecoveryReport
}

extension Log {
    /// Opens the log in `directory`/log for writing, or makes it; recovers from any crash first.
    ///
    /// Recovery reads and verifies every envelope, or, when the caller has a point (a snapshot), those from that record
    /// on; of the segments before, it compares the index files. It cuts a torn tail, keeping a copy, and refuses any
    /// damage to what is known to have been durable, changing nothing. It may be interrupted and repeated at any point.
    ///
    /// - Parameters:
    ///   - directory: the data directory; made when missing.
    ///   - disk: where it is.
    ///   - configuration: limits and level.
    ///   - expectation: what the caller knows about the log already.
    ///   - newLogID: a random number, not 0, for the case that the log has to be made.
    /// - Throws: `damaged`, `missing`, `otherHistory`, `foreignFile`, `unknownFormat`, `locked`, `cannotCreate`,
    ///   `outOfSpace`, `readFailed`, `writeFailed`, `invalidConfiguration`.
    public static func open(
        directory: String, disk: any Disk, configuration: LogConfiguration = LogConfiguration(),
        expectation: LogExpectation = LogExpectation(), newLogID: UInt64
    ) throws(LogError) -> OpenedLog {
        try configuration.validate()
        if newLogID == 0 { throw .invalidConfiguration("a log's id cannot be 0") }
        let opening = LogOpening(
            path: LogFiles.directory(in: directory), parent: directory, disk: disk, configuration: configuration)
        return try opening.run(expectation: expectation, newLogID: newLogID)
    }
}

extension Log {
    /// Keeps everybody from opening the log in `directory` for writing, until the answer is let go.
    ///
    /// - Throws: `locked` when somebody has opened it, `cannotCreate`.
    public static func lock(directory: String, disk: any Disk) throws(LogError) -> any DiskLock {
        do {
            return try disk.lock(directory + "/" + LogFiles.lock)
        } catch {
            if error.code == SystemErrorCode.wouldBlock { throw .locked(path: error.path) }
            throw .cannotCreate(error)
        }
    }
}

/// The steps of opening a log. Everything before the verdict only reads, besides making the directory and the lock
/// file.
struct LogOpening {
    let path: String
    let parent: String
    let disk: any Disk
    let configuration: LogConfiguration

    func run(expectation: LogExpectation, newLogID: UInt64) throws(LogError) -> OpenedLog {
        let lock = try prepareDirectory()
        try syncSegments(expectation)
        let survey = try LogSurvey.run(directory: path, disk: disk, expectation: expectation)
        var torn: RecoveryReport.TornTail?
        switch survey.verdict {
        case .intact: break
        case .tornTail(let tail): torn = try cut(tail)
        case .refused(let error): throw error
        }
        let logID = survey.end.logID ?? expectation.logID ?? newLogID
        let (segments, rebuilt) = settleIndexes(of: survey)
        let writer = try makeWriter(after: survey, segments: segments, logID: logID, lock: lock)
        try writer.writeMarker(flags: EnvelopeHeader.syncMarker)
        writer.updateWatermark()
        let report = RecoveryReport(
            logID: logID, incarnation: writer.log.incarnation, isNew: survey.end.logID == nil,
            wasClean: survey.endsClean && torn == nil, segments: max(survey.segments.count, 1),
            firstLSN: survey.firstLSN, lastLSN: survey.end.lsn - 1, durableWatermark: survey.durableLSN, tornTail: torn,
            readSegments: survey.segments.count - survey.trustedSegments, rebuiltIndexes: rebuilt,
            lostRecords: survey.segments.reduce(0) { $0 + $1.facts.lostRecords })
        return OpenedLog(log: writer.log, writer: writer, report: report)
    }

    private func prepareDirectory() throws(LogError) -> any DiskLock {
        do {
            if !disk.exists(path) { try disk.createDirectory(path) }
            // Each time: whoever made the directories may have ended before it came to that.
            try disk.syncNames(to: parent)
        } catch {
            throw .cannotCreate(error)
        }
        return try Log.lock(directory: path, disk: disk)
    }

    /// What recovery reads must be on the disk, or it could build on pages that a later power cut takes away.
    ///
    /// Of the last segment the memory of the kernel is not believed either: after a sync that failed in an earlier
    /// life, it may hold pages as clean that never reached the disk. Every other segment was synced, with success,
    /// before the next one was begun. So those before the caller's point are left alone.
    private func syncSegments(_ expectation: LogExpectation) throws(LogError) {
        let point = expectation.verifiesRecords ? 0 : expectation.point?.lsn ?? 0
        do {
            let bases = try disk.list(path).compactMap { LogFiles.base(ofSegment: $0) }.sorted()
            let first = bases.lastIndex { $0 <= point } ?? 0
            for base in bases[first...] {
                let file = try disk.open(path + "/" + LogFiles.segment(base: base), .readWrite)
                try file.sync()
                if base == bases.last { file.dropCache() }
                file.close()
            }
            try disk.syncDirectory(path)
        } catch {
            throw .readFailed(error)
        }
    }

    private func makeWriter(
        after survey: LogSurvey, segments: [SegmentSurvey], logID: UInt64, lock: any DiskLock
    ) throws(LogError) -> LogWriter {
        do {
            try removeLeftovers(of: survey)
            let store = SegmentStore(directory: path, disk: disk)
            let active = try activeSegment(after: survey, store: store)
            let watermark = try WatermarkFile(
                directory: path, disk: disk, logID: logID, previous: survey.watermark)
            let catalog = SegmentCatalog(directory: path, disk: disk, segments: segments)
            if survey.segments.isEmpty { catalog.append(base: 1) }
            let log = Log(
                id: logID, incarnation: survey.incarnation + 1, level: configuration.level, catalog: catalog,
                lastLSN: survey.end.lsn - 1)
            return LogWriter(
                log: log, configuration: configuration, store: store, watermark: watermark, lock: lock, active: active,
                end: survey.end)
        } catch {
            throw error.isOutOfSpace ? .outOfSpace(error) : .writeFailed(error)
        }
    }

    private func activeSegment(after survey: LogSurvey, store: SegmentStore) throws(DiskError) -> ActiveSegment {
        guard let last = survey.segments.last else {
            let capacity = configuration.initialSegmentBytes
            try store.makeSpare(bytes: capacity).close()
            let file = try store.install(base: 1)
            return ActiveSegment(file: file, base: 1, position: 0, capacity: capacity, hasRecords: false)
        }
        let file = try disk.open(path + "/" + last.name, .readWrite)
        let capacity = try refill(file)
        return ActiveSegment(
            file: file, base: last.base, position: last.dataEnd, capacity: capacity,
            hasRecords: last.facts.hasRecords, firstTimestamp: last.facts.records > 0 ? last.facts.firstTimestamp : nil)
    }

    /// Preallocates the last segment again. On a full disk the log opens all the same: reading goes on, and `reserve`
    /// refuses writes until there is space.
    private func refill(_ file: any DiskFile) throws(DiskError) -> UInt64 {
        let size = try file.size()
        let wanted = configuration.initialSegmentBytes
        if size >= wanted { return size }
        do {
            try file.preallocate(wanted)
        } catch {
            if error.isOutOfSpace { return size }
            throw error
        }
        try file.sync()
        return wanted
    }
}
