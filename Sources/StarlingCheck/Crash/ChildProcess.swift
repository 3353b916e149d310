import Glibc
import StarlingSystem
import Synchronization

/// A process that this one has started. It is killed, and waited for, when nobody holds this value any more.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum Ending: Equatable, Sendable, CustomStringConvertible {
        case exit(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .exit(let code): "exit code \(code)"
            case .signal(let number): "signal \(number)"
            }
        }
    }

    let processID: pid_t
    /// The reading end of a pipe whose other end only the process has: it ends when the process does.
    private let output: Int32
    private let state = Mutex(State())

    private struct State {
        var unread: [UInt8] = []
        var isAtEnd = false
        var ending: Ending?
    }

    /// One start at a time: a pipe's end that another process inherits would never be seen to close.
    private static let starting = Mutex(())

    /// Starts `program`; its standard error is appended to the file `errors`.
    init(_ program: String, _ arguments: [String], errors: String) throws(CrashCheckError) {
        (processID, output) = try Self.starting.withLock { _ throws(CrashCheckError) in
            try Self.start(program, arguments, errors: errors)
        }
    }

    private static func start(
        _ program: String, _ arguments: [String], errors: String
    ) throws(CrashCheckError) -> (pid_t, Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw CrashCheckError("pipe: \(SystemErrorCode.text(errno))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
            _ = close(ends[1])
        }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_APPEND, 0o640)
        // A group of its own: an interrupt from the terminal is for the check, which ends its processes itself.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var pid = pid_t()
        let texts = ([program] + arguments).map { strdup($0) }
        defer { for text in texts { free(text) } }
        let code = posix_spawnp(&pid, program, &actions, &attributes, texts + [nil], environ)
        guard code == 0 else {
            _ = close(ends[0])
            throw CrashCheckError("cannot start \(program): \(SystemErrorCode.text(code))")
        }
        return (pid, ends[0])
    }

    deinit {
        if state.withLock({ $0.ending }) == nil {
            kill(processID, SIGKILL)
            _ = reap()
        }
        _ = close(output)
    }

    func send(_ signal: Int32) {
        state.withLock { if $0.ending == nil { kill(processID, signal) } }
    }

    /// Runs a program to its end and returns what it printed.
    @discardableResult
    static func run(_ program: String, _ arguments: [String], errors: String, seconds: Int = 60) async throws
        -> (ending: Ending, output: String)
    {
        let child = try ChildProcess(program, arguments, errors: errors)
        guard let ending = try await child.end(within: seconds * 1_000) else {
            throw CrashCheckError("\(program) \(arguments.joined(separator: " ")) did not end within \(seconds) s")
        }
        return (ending, child.state.withLock { String(decoding: $0.unread, as: UTF8.self) })
    }

    /// Waits for a line on standard output; nil when the process ended, or the time was over, before that.
    func line(within milliseconds: Int) async throws -> String? {
        try await BlockingCalls.run { [self] in
            let deadline = Self.now() + Int64(milliseconds)
            while true {
                if let line = takeLine() { return line }
                guard receive(until: deadline) else { return nil }
            }
        }
    }

    /// Waits for the end; nil when the process still runs after that time.
    func end(within milliseconds: Int) async throws -> Ending? {
        try await BlockingCalls.run { [self] in
            let deadline = Self.now() + Int64(milliseconds)
            while receive(until: deadline) {}
            return state.withLock { $0.isAtEnd } ? reap() : nil
        }
    }

    private func takeLine() -> String? {
        state.withLock { state in
            guard let end = state.unread.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            defer { state.unread.removeFirst(end + 1) }
            return String(decoding: state.unread[..<end], as: UTF8.self)
        }
    }

    /// Reads what comes next. False at the end of the output or of the time.
    private func receive(until deadline: Int64) -> Bool {
        if state.withLock({ $0.isAtEnd }) { return false }
        while true {
            let rest = deadline - Self.now()
            var wanted = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wanted, 1, Int32(clamping: max(0, rest)))
            if ready < 0, errno == EINTR { continue }
            if ready <= 0 { return false }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = read(output, &bytes, bytes.count)
            return state.withLock { state in
                if count > 0 { state.unread += bytes[..<count] } else { state.isAtEnd = true }
                return count > 0
            }
        }
    }

    private func reap() -> Ending {
        state.withLock { state in
            if let ending = state.ending { return ending }
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            // As WIFSIGNALED, WTERMSIG and WEXITSTATUS, which are macros.
            let signal = status & 0x7f
            let ending = signal == 0 ? Ending.exit((status >> 8) & 0xff) : Ending.signal(signal)
            state.ending = ending
            return ending
        }
    }

    private static func now() -> Int64 { Int64(SystemTime().monotonicNanoseconds() / 1_000_000) }
}
