/// How much `starling check crash` does, and where.
public struct CrashCheckOptions: Sendable {
    /// Lives of a daemon that end by SIGKILL.
    public var kills = 150
    /// Power cuts, half of them on ext4 and half on xfs. They need root.
    public var powerCuts = 30
    /// On which file systems the power is cut.
    public var fileSystems = CrashVolume.Kind.allCases
    /// Lives with calls to the disk that fail.
    public var faults = 40
    /// Bits of each of four small data directories that are flipped, drawn at random, and as many cuts; nil for every
    /// byte.
    public var flips: Int? = 1_000
    /// Disks that fill up. They need root.
    public var fullDisks = 2
    /// From which everything is drawn.
    public var seed: UInt64 = 1
    /// Where it works, in a directory of its own.
    public var directory = "/tmp"
    /// `KEY=VALUE`, given to every daemon behind the check's own settings.
    public var settings: [String] = []
    /// The program under test.
    public var program: String
    /// Lets syncs do nothing, to see that the check finds it.
    public var breaksSync = false

    /// The defaults, for `program`.
    public init(program: String) { self.program = program }
}
