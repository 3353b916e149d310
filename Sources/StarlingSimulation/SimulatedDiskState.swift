import StarlingSystem

/// Everything that a `SimulatedDisk` guards with its mutex.
struct SimulatedDiskState {
    struct Fault {
        let operation: DiskOperation
        var callsBefore: Int
        let code: Int32
    }

    var names = SimulatedNames()
    var inodes: [Int: SimulatedInode] = [:]
    var nextInode = 1
    var random: SeededRandom
    var capacity: UInt64?
    var faults: [Fault] = []
    /// Rises with each crash; older handles and locks are void.
    var era = 0
    var locks: Set<String> = []
    /// Calls so far that can change what a crash leaves.
    var changes = 0
    /// The call at which power fails.
    var powerFailure: Int?
    var isPowered = true
    /// Whether the write at which power fails leaves a beginning of itself.
    var tearsLastWrite = false
    /// Whether syncs report success and do nothing.
    var ignoresSyncs = false
    /// Planned faults that have happened, by the operation's number in `DiskOperation.allCases`.
    var faultCounts = [Int](repeating: 0, count: DiskOperation.allCases.count)
    /// Calls that failed because the disk was full.
    var fullCount = 0

    init(seed: UInt64, capacity: UInt64?) {
        random = SeededRandom(seed: seed)
        self.capacity = capacity
    }

    /// Counts a call, and makes it fail when a fault or the loss of power is due.
    mutating func begin(_ operation: DiskOperation, _ path: String) throws(DiskError) {
        if isPowered, operation.changesDisk {
            changes += 1
            if let powerFailure, changes >= powerFailure { isPowered = false }
        }
        guard isPowered else { throw failure(operation, path, SystemErrorCode.inputOutput) }
        var due: Int32?
        for index in faults.indices where faults[index].operation == operation {
            if faults[index].callsBefore == 0, due == nil { due = faults[index].code }
            faults[index].callsBefore -= 1
        }
        faults.removeAll { $0.callsBefore < 0 }
        if let due {
            faultCounts[operation.number] += 1
            throw failure(operation, path, due)
        }
    }

    func failure(_ operation: DiskOperation, _ path: String, _ code: Int32) -> DiskError {
        DiskError(operation: "\(operation)", path: path, code: code)
    }

    /// Bytes that files take now.
    var usedBytes: UInt64 {
        names.files.reduce(0) { $0 + UInt64(inodes[$1.inode]?.current.count ?? 0) }
    }

    /// How many of `growth` bytes there is room for.
    mutating func room(for growth: Int) -> Int {
        guard let capacity else { return growth }
        let used = usedBytes
        let room = used >= capacity ? 0 : Int(min(UInt64(growth), capacity - used))
        if room < growth { fullCount += 1 }
        return room
    }

    mutating func crash(_ mode: CrashMode) {
        names.crash(mode, random: &random)
        let linked = names.linked
        for inode in inodes.keys.sorted() {
            if linked.contains(inode) { inodes[inode]?.crash(mode, random: &random) } else { inodes[inode] = nil }
        }
        endProcess()
    }

    /// What the end of a process does: its handles and locks go, and nothing else.
    mutating func endProcess() {
        era += 1
        locks = []
        faults = []
        powerFailure = nil
        isPowered = true
    }
}
