import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSystem

extension SimulationRun {
    /// What was done to a copy of the disk.
    private struct Damage {
        var text: String
        /// Whether it took the last envelope of the log, and perhaps others before it. Then nothing behind the damage says
        /// how far the log was durable, and the watermark file, which is late, is the only witness.
        var takesEnd = false
    }

    /// Damages a copy of the disk, as it was before the recovery that has just succeeded, and opens that. It must be
    /// refused, or give the same state, or lack nothing but a tail that was never known to be durable, and say so.
    func checkDamage(of image: SimulatedDisk) throws(InvariantViolation) {
        let damage = damage(image)
        let what = damage.text
        totals.damages += 1
        say("a copy is damaged: \(what)")
        let engine: Engine
        do throws(EngineOpenError) {
            engine = try open(image, workers: configuration.workers)
        } catch {
            trace.add(UInt64(error.exitCode))
            guard [65, 66, 78].contains(error.exitCode) else {
                throw InvariantViolation(.corruption, "\(what): exit code \(error.exitCode): \(error)")
            }
            return totals.reached(.damageRefused)
        }
        defer { engine.closeAfterCrash() }
        let survived = try survivors(of: engine, on: image, what)
        let durable = running().recovery.log.durableWatermark
        if damage.takesEnd, survived < oracle.lastLSN {
            totals.recordsLostToCutEnds += Int(oracle.lastLSN - survived)
            return totals.reached(.damageTookEnd)
        }
        guard survived >= durable else {
            throw InvariantViolation(
                .corruption, "\(what): opened with records 1 to \(survived), 1 to \(durable) were known to be durable")
        }
        guard survived == oracle.lastLSN else {
            guard engine.recovery.log.tornTail != nil else {
                throw InvariantViolation(
                    .corruption, "\(what): \(oracle.lastLSN - survived) records are gone in silence")
            }
            return totals.reached(.damageTakenForTear)
        }
        let found = try digest(of: engine)
        guard try digest(of: running()) == found else {
            throw InvariantViolation(.corruption, "\(what): opened with another state")
        }
        totals.reached(.damageHarmless)
    }

    /// The last record that a damaged copy was opened with. Damage before the snapshot that was loaded is not looked at when
    /// the engine opens: the state must be the same all the same, and no body may be read wrongly.
    private func survivors(
        of engine: Engine, on image: SimulatedDisk, _ what: String
    ) throws(InvariantViolation) -> UInt64 {
        guard let refusal = refusal(of: image) else { return try compareLog(on: image) }
        guard case .damaged(let damage) = refusal,
            isBehind(damage, engine.recovery.snapshotLSN, on: image)
        else { throw InvariantViolation(.corruption, "\(what): opened with a log that is refused: \(refusal)") }
        totals.reached(.damageBeforeSnapshot)
        for user in plan.users { try checkBodies(of: user, on: engine) }
        return engine.publishedLSN
    }

    /// Whether what is damaged was needed only for records up to `lsn`.
    private func isBehind(_ damage: LogDamage, _ lsn: UInt64, on image: SimulatedDisk) -> Bool {
        if let lost = damage.lsnRange { return lost.upperBound <= lsn }
        // A marker, which holds no record: of a segment that ends before.
        let later = image.files.filter { $0.hasPrefix("data/log/") && $0.hasSuffix(".seg") }
            .first { $0 > "data/log/" + damage.segment }
        guard let base = later.flatMap({ UInt64($0.dropFirst("data/log/".count).dropLast(".seg".count)) }) else {
            return false
        }
        return base <= lsn
    }

    private func refusal(of disk: SimulatedDisk) -> LogError? {
        do {
            return try logReader(on: disk, in: Self.directory).refusal
        } catch {
            return error
        }
    }

    /// Each body is what was written, or is refused.
    private func checkBodies(of reader: UInt64, on engine: Engine) throws(InvariantViolation) {
        let answer = PendingAnswer<PostPage>()
        engine.feed(of: UserID(rawValue: reader), limit: 50) { answer.set($0) }
        while engine.step() {}
        guard case .success(let page)? = answer.result else {
            throw InvariantViolation(.corruption, "no feed of \(reader) on a damaged copy")
        }
        for entry in page.entries {
            guard let bodies = try? engine.bodies(of: [entry]) else { continue }
            for body in bodies { try compareBody(entry, body, logFirst: engine.firstLSN) }
        }
    }

    /// Opens an engine on another disk.
    func open(
        _ disk: SimulatedDisk, workers: Int, in directory: String = SimulationRun.directory
    ) throws(EngineOpenError) -> Engine {
        var settings = configuration
        settings.workers = workers
        return try Engine.open(
            directory: directory, configuration: settings,
            environment: EngineEnvironment(disk: disk, time: time, seed: 1), execution: .manual)
    }

    /// Damages one file.
    private func damage(_ disk: SimulatedDisk) -> Damage {
        let files = disk.files.filter { $0.hasPrefix("data/") && !$0.hasSuffix("/lock") }
        guard !files.isEmpty else { return Damage(text: "nothing") }
        let path = files[number(0...files.count - 1)]
        let isLast = path == files.last { $0.hasPrefix("data/log/") && $0.hasSuffix(".seg") }
        let content = disk.contents(path) ?? []
        let end = content.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        // What the recovery has cut off proves nothing.
        let tear = isLast ? running().recovery.log.tornTail.map { Int($0.offset) } : nil
        let whole = content[..<min(end, tear ?? .max)]
        let byte = number(0...max(0, min(content.count, chance(90) ? end : content.count) - 1))
        switch number(0...9) {
        case 0:
            disk.truncate(path, to: byte)
            return Damage(text: "\(path) cut to \(byte) bytes", takesEnd: isLast && byte < end)
        case 1:
            let stop = overwrite(disk, path, from: byte, count: 512) { _ in 0 }
            return Damage(text: "\(path) zeros at \(byte)", takesEnd: isLast && !hasEnvelope(whole, from: stop))
        case 2:
            var garbage = SeededRandom(seed: random.next())
            let stop = overwrite(disk, path, from: byte, count: number(2...64)) { _ in
                UInt8(truncatingIfNeeded: garbage.next())
            }
            return Damage(text: "\(path) garbage at \(byte)", takesEnd: isLast && !hasEnvelope(whole, from: stop))
        case 3:
            remove(path, from: disk)
            return Damage(text: "\(path) removed", takesEnd: isLast)
        default:
            let bit = number(0...7)
            disk.corrupt(path, byte: byte, bit: bit)
            return Damage(text: "\(path) byte \(byte) bit \(bit) flipped")
        }
    }

    /// Whether an envelope begins at or behind a place: magic, version 1, any flags, 88 bytes of header.
    private func hasEnvelope(_ content: ArraySlice<UInt8>, from start: Int) -> Bool {
        let magic = [UInt8]("STRL".utf8)
        let last = content.endIndex - Self.headerBytes
        var place = start
        while place <= last {
            if content[place] == magic[0] {
                let fields = Array(content[place..<(place + 8)])
                let isHeader = fields[4] == 1 && Int(fields[6]) == Self.headerBytes && fields[7] == 0
                if isHeader, fields.starts(with: magic) { return true }
            }
            place += 1
        }
        return false
    }

    /// Bytes of an envelope's header.
    private static let headerBytes = 88

    /// Returns where the change ends.
    private func overwrite(
        _ disk: SimulatedDisk, _ path: String, from start: Int, count: Int, _ byte: (Int) -> UInt8
    ) -> Int {
        var content = disk.contents(path) ?? []
        let stop = min(content.count, start + count)
        for place in min(start, stop)..<stop { content[place] = byte(place) }
        disk.replace(path, with: content)
        return stop
    }
}
