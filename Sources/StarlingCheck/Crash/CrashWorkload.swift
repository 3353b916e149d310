import StarlingSchema
import StarlingSystem

/// What clients do, by a seed: few users, so that all of them follow, post, and delete what others just read.
struct CrashWorkload: Sendable {
    static let users: UInt64 = 40

    enum Step: Sendable {
        case write(CheckedWrite)
        /// The same write with the same key over both doors at once.
        case twice(CheckedWrite)
        case readFeed(UInt64, limit: UInt32)
    }

    private var random: SeededRandom
    /// Tells texts and keys of one life of the daemon from all others.
    private let name: String
    private var count = 0
    /// Acknowledged posts that may be deleted.
    private var posts: [(id: UInt64, author: UInt64)] = []

    init(seed: UInt64, name: String) {
        random = SeededRandom(seed: seed)
        self.name = name
    }

    /// Takes note of a post, so that it can be deleted later.
    mutating func note(post: UInt64, by author: UInt64) { posts.append((post, author)) }

    mutating func next() -> Step {
        count += 1
        let step = step()
        guard case .write(var write) = step, isSometimes(12) else { return step }
        write.durability = [.memory, .os, .disk, .disk].randomElement(using: &random) ?? .unspecified
        return .write(write)
    }

    private mutating func step() -> Step {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<32: return .write(post(key: isSometimes(40) ? newKey() : nil))
        case 32..<36: return .twice(post(key: newKey()))
        case 36..<56: return .write(edge { .follow($0) })
        case 56..<66: return .write(edge { .unfollow($0) })
        case 66..<78: return .write(deletion())
        case 78..<81: return .write(importFollows())
        case 81..<84: return .write(importPosts())
        default: return .readFeed(user(), limit: UInt32.random(in: 1...60, using: &random))
        }
    }

    private mutating func isSometimes(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    /// Low numbers come more often, so that some are followed by many.
    private mutating func user() -> UInt64 {
        min(UInt64.random(in: 1...Self.users, using: &random), UInt64.random(in: 1...Self.users, using: &random))
    }

    private func newKey() -> String { "\(name)-\(count)" }

    private mutating func text(_ part: Int = 0) -> String {
        let filling = String(repeating: "x", count: Int.random(in: 0...60, using: &random))
        return "\(name)-\(count).\(part) \(filling)"
    }

    private mutating func post(key: String?) -> CheckedWrite {
        CheckedWrite(actor: user(), kind: .post(text: text(), followersOnly: isSometimes(20)), key: key)
    }

    private mutating func edge(_ kind: (UInt64) -> CheckedWrite.Kind) -> CheckedWrite {
        let follower = UInt64.random(in: 1...Self.users, using: &random)
        var followee = user()
        if followee == follower { followee = follower % Self.users + 1 }
        return CheckedWrite(actor: follower, kind: kind(followee), key: isSometimes(30) ? newKey() : nil)
    }

    private mutating func deletion() -> CheckedWrite {
        guard !posts.isEmpty else { return post(key: nil) }
        let place = Int.random(in: max(0, posts.count - 100)..<posts.count, using: &random)
        let chosen = posts[place]
        // Sometimes it stays, and is deleted twice.
        if isSometimes(80) { posts.remove(at: place) }
        return CheckedWrite(actor: chosen.author, kind: .delete(chosen.id), key: isSometimes(30) ? newKey() : nil)
    }

    private mutating func importFollows() -> CheckedWrite {
        let edges = (0..<Int.random(in: 1...8, using: &random)).map { _ in
            let follower = UInt64.random(in: 1...Self.users, using: &random)
            return CheckedWrite.Edge(follower: follower, followee: follower % Self.users + 1)
        }
        return CheckedWrite(actor: user(), kind: .importFollows(edges), key: isSometimes(50) ? newKey() : nil)
    }

    private mutating func importPosts() -> CheckedWrite {
        let rows = (0..<Int.random(in: 1...5, using: &random)).map { part in
            CheckedWrite.PostRow(author: user(), text: text(part))
        }
        return CheckedWrite(actor: user(), kind: .importPosts(rows), key: isSometimes(50) ? newKey() : nil)
    }
}
