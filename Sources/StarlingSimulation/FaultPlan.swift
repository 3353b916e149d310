/// Which calls of a `FaultInjectingDisk` go wrong, and how. Written as text so that it can be handed to another process.
///
///     kill-before:sync:17,eio:write:3-5,sync=noop
///
/// Each part but `sync=noop` is ACTION:CALL:COUNT or ACTION:CALL:FROM-TO. Calls are counted from 1 over the life of the
/// process, each kind for itself; the kind `any` counts them all.
public struct FaultPlan: Sendable, Equatable, CustomStringConvertible {
    /// A call that changes the disk.
    public enum Call: String, Sendable, CaseIterable {
        /// `DiskFile.write`.
        case write
        /// `DiskFile.sync`.
        case sync
        /// `Disk.rename`.
        case rename
        /// `Disk.remove`.
        case remove
        /// `Disk.syncDirectory`.
        case syncDirectory
        /// `DiskFile.preallocate`.
        case preallocate
        /// `DiskFile.truncate`.
        case truncate
        /// `Disk.open` with the mode `create`.
        case create
    }

    /// What happens to a call.
    public enum Action: String, Sendable, CaseIterable {
        /// The process is killed, and the call not made.
        case killBefore = "kill-before"
        /// The process is killed after the first half of a write; with another call, before it.
        case killMiddle = "kill-middle"
        /// The process is killed when the call has returned.
        case killAfter = "kill-after"
        /// The call is not made and fails with EIO.
        case inputOutputError = "eio"
        /// The call is not made and fails with ENOSPC.
        case noSpace = "enospc"
    }

    /// One part of a plan.
    public struct Fault: Sendable, Equatable {
        /// What happens.
        public var action: Action
        /// To which kind of call. Nil for any.
        public var call: Call?
        /// To which of them.
        public var counts: ClosedRange<UInt64>

        /// Creates a fault.
        public init(_ action: Action, _ call: Call?, _ counts: ClosedRange<UInt64>) {
            self.action = action
            self.call = call
            self.counts = counts
        }
    }

    /// The faults; the first that fits a call decides.
    public var faults: [Fault]
    /// Whether syncs, also of directories, report success and do nothing.
    public var ignoresSyncs: Bool

    /// Creates a plan; without arguments, one in which nothing goes wrong.
    public init(_ faults: [Fault] = [], ignoresSyncs: Bool = false) {
        self.faults = faults
        self.ignoresSyncs = ignoresSyncs
    }

    /// Reads a plan from its text; nil when it is none.
    public init?(_ text: String) {
        self.init()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            if part == Self.syncText {
                ignoresSyncs = true
            } else {
                guard let fault = Fault(part) else { return nil }
                faults.append(fault)
            }
        }
    }

    private static let syncText = "sync=noop"

    /// The text that `init?(_:)` reads.
    public var description: String {
        (faults.map(\.description) + (ignoresSyncs ? [Self.syncText] : [])).joined(separator: ",")
    }
}

extension FaultPlan.Fault: CustomStringConvertible {
    private static let anyText = "any"

    init?(_ text: Substring) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let action = FaultPlan.Action(rawValue: String(parts[0])) else { return nil }
        let call = FaultPlan.Call(rawValue: String(parts[1]))
        guard call != nil || parts[1] == Self.anyText else { return nil }
        let ends = parts[2].split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(ends.count), let first = UInt64(ends[0]), let last = UInt64(ends[ends.count - 1]),
            first >= 1, first <= last
        else { return nil }
        self.init(action, call, first...last)
    }

    /// ACTION:CALL:COUNT.
    public var description: String {
        let range =
            counts.lowerBound == counts.upperBound
            ? "\(counts.lowerBound)" : "\(counts.lowerBound)-\(counts.upperBound)"
        return "\(action.rawValue):\(call?.rawValue ?? Self.anyText):\(range)"
    }
}
