extension Disk {
    /// Makes the names in a directory durable, and those that lead to it: whoever makes a directory, or finds one that somebody
    /// made who may have ended before he came to that, relies on all of them.
    ///
    /// Throws when the directory or its parent cannot be synced. Further above, where this process may not even read, it has
    /// made nothing.
    public func syncNames(to directory: String) throws(DiskError) {
        try syncDirectory(directory)
        var ancestor = Self.parent(of: directory)
        try syncDirectory(ancestor)
        while ancestor != "/", ancestor != "." {
            ancestor = Self.parent(of: ancestor)
            try? syncDirectory(ancestor)
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
