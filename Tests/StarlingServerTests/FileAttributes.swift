import Glibc

/// What the file system says of a file.
enum FileAttributes {
    struct Unreadable: Error {}

    /// Who may read and write it.
    static func permissions(_ path: String) throws -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Unreadable() }
        return Int(status.st_mode & 0o777)
    }
}
