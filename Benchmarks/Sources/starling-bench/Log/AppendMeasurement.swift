import Foundation
import StarlingEngine
import StarlingLog
import StarlingSystem

/// Durable appends: to a daemon, to the log alone, and to Redis Streams. Each run begins with an empty directory.
struct AppendMeasurement {
    let options: SuiteOptions
    let seconds: Double

    /// Authors of the posts; nobody follows them.
    private static let authors = 10_000
    private static let workers = 2

    /// Posts to a daemon over TCP, `rows` of them in a frame.
    func daemon(_ load: AppendLoad, rows: Int) throws -> AppendFigures {
        let directory = try options.directory("log-starling")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let daemon = try StarlingProgram(path: options.starling).serve(
            data: directory, workers: Self.workers, settings: DaemonTimelines.settings(cap: 800))
        defer { daemon.stop() }
        var texts = AppendTexts()
        var random = SplitMix(state: 63)
        let opcode = rows == 1 ? PostPayload.singleOpcode : PostPayload.batchOpcode
        let frames = FrameLoad(opcode: opcode) { bytes in
            for _ in 0..<rows {
                PostPayload.append(
                    author: UInt64(1 + random.below(Self.authors)), text: texts.next(), isRow: rows > 1, to: &bytes)
            }
        }
        let figures = try run(
            PipelinedLoad(port: daemon.tcpPort, connections: load.clients, inFlight: load.inFlight, frames),
            daemon.identifier, appendsPerRequest: rows)
        let records = try daemon.metrics()["starling_published_lsn"]
        guard records == Double(figures.all * rows) else {
            throw ProgramError(text: "starling: \(records) records of \(figures.all * rows) posts")
        }
        return figures.figures
    }

    /// XADD with the given settings of durability.
    func stream(_ peer: RedisProgram, _ load: AppendLoad, settings: [String]) throws -> AppendFigures {
        let directory = try options.directory("log-\(peer.name)")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = try peer.start(directory: directory, settings: settings)
        defer { server.stop() }
        let control = try server.waitUntilLoaded().connection
        var texts = AppendTexts()
        let commands = RESPLoad(commandsPerRequest: 1) { bytes in
            bytes.append("*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nt\r\n$100\r\n")
            bytes.append(texts.next())
            bytes.append("\r\n")
        }
        let figures = try run(
            PipelinedLoad(port: server.port, connections: load.clients, inFlight: load.inFlight, commands),
            server.identifier, appendsPerRequest: 1)
        guard case .number(let length) = try control.call("XLEN", "s"), length == figures.all else {
            throw ProgramError(text: "\(peer.name): the stream does not have \(figures.all) entries")
        }
        return figures.figures
    }

    /// Messages to a JetStream stream, each acknowledged.
    func jetStream(_ peer: NATSProgram, _ load: AppendLoad) throws -> AppendFigures {
        let directory = try options.directory("log-nats")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = try peer.start(directory: directory)
        defer { NATSProgram.stop(server.process) }
        return try run(
            PipelinedLoad(port: server.port, connections: load.clients, inFlight: load.inFlight, NATSLoad()),
            server.process.processIdentifier, appendsPerRequest: 1
        ).figures
    }

    private func run<Dialect: LoadDialect>(
        _ load: PipelinedLoad<Dialect>, _ process: Int32, appendsPerRequest: Int
    ) throws -> (figures: AppendFigures, all: Int) {
        let clock = ServerClock(process)
        let figures = try load.run(until: .seconds(seconds, warmUp: seconds / 5))
        let result = AppendFigures(
            appendsPerSecond: figures.perSecond * Double(appendsPerRequest), p50: figures.percentile(0.5),
            p99: figures.percentile(0.99), processors: clock.processors)
        return (result, figures.allRequests)
    }

    /// The log in this process: `group` records are appended, then committed.
    func logAlone(group: Int) throws -> AppendFigures {
        let directory = try options.directory("log-alone")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let writer = try Log.open(directory: directory, disk: PosixDisk(), newLogID: 1).writer
        var texts = AppendTexts()
        var commits = DelayHistogram()
        var appended = 0
        let start = monotonicSeconds()
        var now = start
        while now - start < seconds {
            for _ in 0..<group {
                _ = try texts.next().withUnsafeBytes { text in
                    try writer.append(timestamp: 1_763_700_000_000, key: UInt64(appended), value: text)
                }
                appended += 1
            }
            try writer.commit()
            let end = monotonicSeconds()
            commits.record(UInt64((end - now) * 1e9), times: 1)
            now = end
        }
        guard writer.log.durableLSN == UInt64(appended) else {
            throw ProgramError(text: "the log has \(writer.log.durableLSN) of \(appended) records")
        }
        try writer.close(clean: true)
        return AppendFigures(
            appendsPerSecond: Double(appended) / (now - start), p50: Double(commits.percentile(0.5)) / 1e9,
            p99: Double(commits.percentile(0.99)) / 1e9)
    }
}
