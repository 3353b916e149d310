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
    /// Recovery reads and verifies every envelope. It cuts a torn tail, keeping a copy, and refuses any damage to what is
    /// known to have been durable, changing nothing. It may be interrupted and repeated at any point.
    ///
    /// - Parameters:
    ///   - directory: the data directory; made when missing.
    ///   - disk: where it is.
    ///   - configuration: limits and level.
    ///   - expectation: what the caller knows about the log already.
    ///   - newLogID: a random number, not 0, for the case that the log has to be made.
    /// - Throws: `damaged`, `missing`, `foreignFile`, `unknownFormat`, `locked`, `cannotCreate`, `outOfSpace`,
    ///   `readFailed`, `writeFailed`, `invalidConfiguration`.
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

/// The steps of opening a log. Everything before the verdict only reads, besides making the directory and the lock file.
struct LogOpening {
    let path: String
    let parent: String
    let disk: any Disk
    let configuration: LogConfiguration

    func run(expectation: LogExpectation, newLogID: UInt64) throws(LogError) -> OpenedLog {
        let lock = try prepareDirectory()
        try syncSegments()
        let survey = try LogSurvey.run(directory: path, disk: disk, expectation: expectation)
        var torn: RecoveryReport.TornTail?
        switch survey.verdict {
        case .intact: break
        case .tornTail(let tail): torn = try cut(tail)
        case .refused(let error): throw error
        }
        let logID = survey.end.logID ?? expectation.logID ?? newLogID
        let writer = try makeWriter(after: survey, logID: logID, lock: lock)
        try writer.writeMarker(flags: EnvelopeHeader.syncMarker)
        writer.updateWatermark()
        let report = RecoveryReport(
            logID: logID, incarnation: writer.log.incarnation, isNew: survey.end.logID == nil,
            wasClean: survey.endsClean && torn == nil, segments: max(survey.segments.count, 1),
            firstLSN: survey.firstLSN, lastLSN: survey.end.lsn - 1, durableWatermark: survey.durableLSN, tornTail: torn)
        return OpenedLog(log: writer.log, writer: writer, report: report)
    }

    private func prepareDirectory() throws(LogError) -> any DiskLock {
        do {
            if !disk.exists(path) {
                let isNewParent = !disk.exists(parent)
                try disk.createDirectory(path)
                try disk.syncDirectory(parent)
                if isNewParent { try disk.syncDirectory(Self.parent(of: parent)) }
            }
        } catch {
            throw .cannotCreate(error)
        }
        do {
            return try disk.lock(path + "/" + LogFiles.lock)
        } catch {
            if error.code == SystemErrorCode.wouldBlock { throw .locked(path: error.path) }
            throw .cannotCreate(error)
        }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// What recovery reads must be on the disk, or it could build on pages that a later power cut takes away.
    private func syncSegments() throws(LogError) {
        do {
            for name in try disk.list(path) where LogFiles.base(ofSegment: name) != nil {
                let file = try disk.open(path + "/" + name, .readWrite)
                try file.sync()
                file.close()
            }
            try disk.syncDirectory(path)
        } catch {
            throw .readFailed(error)
        }
    }

    private func makeWriter(
        after survey: LogSurvey, logID: UInt64, lock: any DiskLock
    ) throws(LogError) -> LogWriter {
        do {
            for name in try disk.list(path) where LogFiles.isLeftover(name) { try disk.remove(path + "/" + name) }
            let store = SegmentStore(directory: path, disk: disk)
            let active = try activeSegment(after: survey, store: store)
            let watermark = try WatermarkFile(
                directory: path, disk: disk, logID: logID, previous: survey.watermark)
            let catalog = SegmentCatalog(directory: path, disk: disk, segments: survey.segments)
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
            try store.makeSpare(bytes: configuration.segmentBytes).close()
            let file = try store.install(base: 1)
            return ActiveSegment(
                file: file, base: 1, position: 0, capacity: configuration.segmentBytes, hasRecords: false)
        }
        let file = try disk.open(path + "/" + last.name, .readWrite)
        let capacity = try refill(file)
        return ActiveSegment(
            file: file, base: last.base, position: last.dataEnd, capacity: capacity, hasRecords: last.records > 0)
    }

    /// Preallocates the last segment again. On a full disk the log opens all the same: reading goes on, and `reserve`
    /// refuses writes until there is space.
    private func refill(_ file: any DiskFile) throws(DiskError) -> UInt64 {
        let size = try file.size()
        if size >= configuration.segmentBytes { return size }
        do {
            try file.preallocate(configuration.segmentBytes)
        } catch {
            if error.isOutOfSpace { return size }
            throw error
        }
        try file.sync()
        return configuration.segmentBytes
    }
}
