import Glibc

/// How daemons are started by the check.
struct DaemonLauncher: Sendable {
    /// The program under test.
    let program: String
    /// `KEY=VALUE`, given to every daemon behind the check's own.
    let settings: [String]
    /// The file that takes what daemons say on standard error.
    let errors: String

    /// Limits small enough that segments roll, timelines are trimmed and authors change their mode all the time.
    private static let smallSettings = [
        "memory.hugePages=false", "memory.arenaBytes=268435456", "limits.users=1048576", "limits.posts=1048576",
        "log.segmentBytes=65536", "log.batchBytes=4096", "timeline.cap=\(timelineCap)",
        "fanout.celebrityThreshold=12", "logging.level=warning",
        // The checks read the words of deleted posts, too.
        "log.erasePauseMilliseconds=0",
    ]
    static let timelineCap = 50

    /// How long a start may take. What is replayed here takes milliseconds.
    private static let startMilliseconds = 30_000

    /// What became of a start.
    enum Start {
        case ready(DaemonProcess)
        case ended(ChildProcess.Ending)
    }

    func arguments(data: String, workers: Int, level: String, faults: String) -> [String] {
        var all = Self.smallSettings + settings
        if !faults.isEmpty { all.append("check.faults=\(faults)") }
        let listeners = ["--http", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        return ["serve", "--data", data, "--workers", "\(workers)", "--ack", level] + listeners
            + all.flatMap { ["--set", $0] }
    }

    func spawn(data: String, workers: Int, level: String, faults: String = "") throws -> ChildProcess {
        let list = arguments(data: data, workers: workers, level: level, faults: faults)
        return try ChildProcess(program, list, errors: errors)
    }

    /// Starts a daemon and waits until it is ready, or has ended.
    func start(data: String, workers: Int, level: String, faults: String = "") async throws -> Start {
        let child = try spawn(data: data, workers: workers, level: level, faults: faults)
        guard let line = try await child.line(within: Self.startMilliseconds) else {
            if let ending = try await child.end(within: 0) { return .ended(ending) }
            child.send(SIGKILL)
            throw Violation("the daemon was not ready after \(Self.startMilliseconds / 1_000) s, and had not ended")
        }
        return .ready(try DaemonProcess(child: child, ready: line, level: level))
    }
}

/// A daemon that has said that it is ready.
struct DaemonProcess: Sendable {
    let child: ChildProcess
    let http: Int
    let tcp: Int
    let admin: Int
    /// The last position in the log when it was ready: everything up to there is on the disk.
    let readyLSN: UInt64
    /// When it answers writes.
    let level: String

    init(child: ChildProcess, ready: String, level: String) throws {
        let fields = ready.split(separator: " ")
        func number(_ prefix: String) -> UInt64? {
            fields.first { $0.hasPrefix(prefix) }.flatMap { UInt64($0.dropFirst(prefix.count)) }
        }
        guard let http = number("http=127.0.0.1:"), let tcp = number("tcp=127.0.0.1:"),
            let admin = number("admin=127.0.0.1:"), let lsn = number("lsn=")
        else { throw Violation("the daemon's ready line cannot be understood: \(ready)") }
        self.child = child
        self.http = Int(http)
        self.tcp = Int(tcp)
        self.admin = Int(admin)
        self.level = level
        readyLSN = lsn
    }
}
