/// How timelines are kept in Redis.
enum RedisStructure {
    /// A sorted set: score and member are the post's id.
    case sortedSet
    /// A bare list of ids: no order, no duplicates checked.
    case list

    var keyLetter: UInt8 { self == .sortedSet ? UInt8(ascii: "z") : UInt8(ascii: "l") }
}

/// How a post is put into the followers' timelines.
enum RedisFanOutWay: String, CaseIterable {
    case sortedSet = "ZADD + ZREMRANGEBYRANK"
    case sortedSetSeldom = "ZADD, trimming one in 33"
    case sortedSetScript = "Lua, 200 followers a call: ZADD + ZREMRANGEBYRANK"
    case list = "LPUSH + LTRIM"
    case listSeldom = "LPUSH, trimming one in 33"
    case listScript = "Lua, 200 followers a call: LPUSH + LTRIM"

    var structure: RedisStructure {
        switch self {
        case .sortedSet, .sortedSetSeldom, .sortedSetScript: .sortedSet
        case .list, .listSeldom, .listScript: .list
        }
    }

    /// How many of a request's timelines are trimmed.
    func trims(of count: Int) -> Int {
        switch self {
        case .sortedSet, .list: count
        case .sortedSetSeldom, .listSeldom: max(1, count / 33)
        case .sortedSetScript, .listScript: 0
        }
    }
}
