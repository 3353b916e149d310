/// Something that the check needs and does not get: a program, a directory, a mount. It says nothing about Starling.
public struct CrashCheckError: Error, CustomStringConvertible {
    /// What was tried, what came of it, and what can be done.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Starling did what it must never do.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
