import StarlingSystem

/// The directories that commands look at.
enum DataDirectory {
    /// Throws, with exit code 66, when there is no log to look at.
    static func require(_ path: String) throws {
        guard PosixDisk().exists("\(path)/log") else {
            throw Failure("\(path) is no data directory: it holds no log", code: 66)
        }
    }
}
