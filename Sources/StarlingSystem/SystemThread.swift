import CStarling
import Glibc

/// A thread of the operating system that runs one closure, for loops that must not share a pool.
public final class SystemThread: @unchecked Sendable {
    private var handle = pthread_t()

    /// Starts a thread. `name` (15 bytes are kept) shows in `top -H`.
    public init(name: String, _ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(ThreadBody(name: name, body: body))
        let code = pthread_create(&handle, nil, runThreadBody, box.toOpaque())
        precondition(code == 0, "cannot start thread \(name): \(SystemErrorCode.text(code)); check ulimit -u")
    }

    /// Waits until the closure has returned. Call it once.
    public func join() { pthread_join(handle, nil) }

    /// Lets the calling thread run mostly when others leave a processor idle: niceness 10, about a tenth of their share.
    /// False when the system refuses.
    @discardableResult
    public static func lowerCurrentPriority() -> Bool {
        // On Linux a niceness belongs to a thread, and 0 names the calling one.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) == 0
    }

    /// Asks for short turns on the processor, so that the calling thread gets one soon after it wakes up, although others are busy: the
    /// scheduler gives the same share, in smaller pieces (EEVDF's slice, Linux 6.12). False when the system refuses.
    @discardableResult
    public static func preferShortTurns() -> Bool { starling_shorten_slices(200_000) == 0 }

    /// Binds the calling thread to one processor; false when the system refuses.
    @discardableResult
    public static func pinCurrent(toProcessor processor: Int) -> Bool {
        guard let number = Int32(exactly: processor) else { return false }
        return starling_pin_thread(number) == 0
    }
}

private final class ThreadBody {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

// A top-level function: a closure literal handed to C inherits its surroundings' isolation and would trap.
private func runThreadBody(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let box = Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
    starling_name_thread(String(box.name.prefix(15)))
    box.body()
    return nil
}
