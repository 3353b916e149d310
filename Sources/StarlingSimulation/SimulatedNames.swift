import StarlingSystem

/// The directory tree: as programs see it, and as a crash would leave it. A name becomes durable only when its directory
/// is synced.
struct SimulatedNames {
    enum Node: Equatable {
        case directory
        case file(Int)
    }

    private enum Change {
        case set(String, Node)
        case move(String, String)
        case remove(String)

        var paths: [String] {
            switch self {
            case .set(let path, _), .remove(let path): [path]
            case .move(let source, let destination): [source, destination]
            }
        }

        var parents: [String] { paths.map(SimulatedNames.parent(of:)) }
    }

    private var current: [String: Node] = [:]
    private var durable: [String: Node] = [:]
    private var changes: [Change] = []

    /// The one spelling of a path: no leading `/` or `./`, the root is empty.
    static func normal(_ path: String) -> String {
        let bytes = path.utf8
        // What the engine asks for is spelt like that already, but for the root.
        var previous = UInt8(ascii: "/")
        var isNormal = true
        for byte in bytes.dropFirst(bytes.first == previous ? 1 : 0) {
            if previous == UInt8(ascii: "/"), byte == previous || byte == UInt8(ascii: ".") { isNormal = false }
            previous = byte
        }
        if isNormal, previous != UInt8(ascii: "/") {
            return bytes.first == UInt8(ascii: "/") ? String(path.dropFirst()) : path
        }
        return path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[..<slash])
    }

    func node(_ path: String) -> Node? { path.isEmpty ? .directory : current[path] }

    func isDirectory(_ path: String) -> Bool { node(path) == .directory }

    /// Names in a directory, in ascending order.
    func list(_ directory: String) -> [String] {
        let prefix = (directory.isEmpty ? "" : directory + "/").utf8
        var names: [String] = []
        for path in current.keys where path.utf8.starts(with: prefix) {
            let name = path.utf8.dropFirst(prefix.count)
            if !name.contains(UInt8(ascii: "/")) { names.append(String(Substring(name))) }
        }
        return names.sorted()
    }

    /// Every file that a program can see, by path, in ascending order.
    var files: [(path: String, inode: Int)] {
        current.keys.sorted().compactMap { path in
            if case .file(let inode)? = current[path] { (path, inode) } else { nil }
        }
    }

    /// Inodes that some name leads to now or may lead to after a crash.
    var linked: Set<Int> {
        var result: Set<Int> = []
        for node in Array(current.values) + Array(durable.values) {
            if case .file(let inode) = node { result.insert(inode) }
        }
        for case .set(_, .file(let inode)) in changes { result.insert(inode) }
        return result
    }

    mutating func add(_ path: String, _ node: Node) { apply(.set(path, node)) }

    mutating func move(_ source: String, to destination: String) { apply(.move(source, destination)) }

    mutating func remove(_ path: String) { apply(.remove(path)) }

    private mutating func apply(_ change: Change) {
        Self.apply(change, to: &current)
        changes.append(change)
    }

    private static func apply(_ change: Change, to names: inout [String: Node]) {
        switch change {
        case .set(let path, let node): names[path] = node
        case .remove(let path): names[path] = nil
        case .move(let source, let destination):
            if let node = names.removeValue(forKey: source) { names[destination] = node }
        }
    }

    /// Forgets a directory and all below it, also what a crash would bring back.
    mutating func discard(_ directory: String) {
        func isBelow(_ path: String) -> Bool { path == directory || path.hasPrefix(directory + "/") }
        current = current.filter { !isBelow($0.key) }
        durable = durable.filter { !isBelow($0.key) }
        changes.removeAll { $0.paths.contains(where: isBelow) }
    }

    mutating func sync(_ directory: String) {
        changes.removeAll { change in
            guard change.parents.contains(directory) else { return false }
            Self.apply(change, to: &durable)
            return true
        }
    }

    mutating func crash(_ mode: CrashMode, random: inout SeededRandom) {
        for change in changes {
            let survives =
                switch mode {
                case .loseUnsynced: false
                case .keepUnsynced: true
                case .randomSectors: random.next() % 2 == 0
                }
            if survives { Self.apply(change, to: &durable) }
        }
        changes = []
        // A name cannot outlive its directory. Parents sort before what is in them.
        for path in durable.keys.sorted() {
            let parent = Self.parent(of: path)
            if !parent.isEmpty, durable[parent] != .directory { durable[path] = nil }
        }
        current = durable
    }
}
