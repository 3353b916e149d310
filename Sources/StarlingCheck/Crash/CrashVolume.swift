import Glibc
import StarlingSystem

/// A file system of its own in a file, whose power can be cut. Needs root.
public final class CrashVolume: Sendable {
    /// The file systems that know how to be shut down.
    public enum Kind: String, Sendable, CaseIterable {
        /// With a journal of metadata, data written first.
        case ext4
        /// With a journal of metadata.
        case xfs

        /// The least that its mkfs takes without a word.
        fileprivate var megabytes: Int { self == .ext4 ? 96 : 320 }

        fileprivate var arguments: [String] { self == .ext4 ? ["-q", "-F"] : ["-q", "-f"] }
    }

    let kind: Kind
    /// Where its files are.
    let mountPoint: String
    private let image: String
    private let errors: String

    /// Why there cannot be volumes here; nil when there can.
    static func problem(_ kind: Kind) async -> String? {
        guard geteuid() == 0 else { return "mounting needs root" }
        let found = try? await ChildProcess.run("sh", ["-c", "command -v mkfs.\(kind.rawValue)"], errors: "/dev/null")
        return found?.ending == .exit(0) ? nil : "mkfs.\(kind.rawValue) is not installed"
    }

    /// Makes a volume in `directory` and mounts it.
    init(_ kind: Kind, in directory: String, megabytes: Int? = nil) async throws {
        self.kind = kind
        mountPoint = directory + "/volume"
        image = directory + "/image"
        errors = directory + "/errors"
        try PosixDisk().createDirectory(mountPoint)
        let file = try PosixDisk().open(image, .create)
        try file.truncate(UInt64(megabytes ?? kind.megabytes) << 20)
        file.close()
        try await run("mkfs." + kind.rawValue, kind.arguments + [image])
        try await mount()
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let (ending, _) = try await ChildProcess.run(program, arguments, errors: errors)
        guard ending == .exit(0) else {
            throw CrashCheckError("\(program) \(arguments.joined(separator: " ")): \(ending); see \(errors)")
        }
    }

    private func mount() async throws {
        try await run("mount", ["-t", kind.rawValue, "-o", "loop", image, mountPoint])
    }

    /// Stops the file system where it stands: what it has not yet handed to its device never gets there, its own
    /// journal included. Every later call on its files fails.
    func cutPower() throws {
        let descriptor = open(mountPoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CrashCheckError("open \(mountPoint): \(SystemErrorCode.text(errno))") }
        defer { _ = close(descriptor) }
        var flags = Self.withoutFlush
        guard ioctl(descriptor, Self.shutdown, &flags) == 0 else {
            throw CrashCheckError("shutting down \(mountPoint): \(SystemErrorCode.text(errno))")
        }
    }

    /// `_IOR('X', 125, __u32)`: EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN.
    private static let shutdown: UInt = 0x8004_587D
    /// EXT4_GOING_FLAGS_NOLOGFLUSH and XFS_FSOP_GOING_FLAGS_NOLOGFLUSH.
    private static let withoutFlush: UInt32 = 2

    /// Mounts it again, as after the power came back. Nobody may have a file of it open.
    func restorePower() async throws {
        try await unmount()
        try await mount()
    }

    private func unmount() async throws {
        // A process that was just killed may keep its files for a moment.
        for _ in 0..<50 {
            let (ending, _) = try await ChildProcess.run("umount", [mountPoint], errors: errors)
            if ending == .exit(0) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        try await run("umount", ["-l", mountPoint])
    }

    /// Unmounts it and removes its image.
    func discard() async throws {
        try await unmount()
        try PosixDisk().remove(image)
    }

    /// Makes a file that takes all space but `headroom` bytes, as far as the file system can be told to.
    func fill(_ path: String, leaving headroom: UInt64) throws {
        let file = try PosixDisk().open(path, .create)
        defer { file.close() }
        var step = UInt64.max
        // A file system needs some of what it calls free for itself.
        while case let free = try freeBytes(), free > headroom, step >= 4_096 {
            step = min(step, free - headroom)
            do { try file.preallocate(try file.size() + step) } catch { step /= 2 }
        }
    }

    /// The bytes that root can still write to it.
    private func freeBytes() throws -> UInt64 {
        var status = statvfs()
        guard statvfs(mountPoint, &status) == 0 else {
            throw CrashCheckError("statvfs \(mountPoint): \(SystemErrorCode.text(errno))")
        }
        return UInt64(status.f_bfree) * UInt64(status.f_frsize)
    }
}
