import StarlingEngine
import StarlingSchema
import StarlingSystem

/// Makes cursors that only this server's data directory can have made: a version, the position, and SipHash-2-4 of the position,
/// the kind of list and its owner under a secret key, in base64url. They stay valid over restarts.
///
/// A cursor's forger would gain a place in a list that is open to him anyway, so 64 bits are enough. HMAC-SHA-256 and a general
/// base64 took half of the time that the server needed for a page of 50 ids, 2.2 us; this takes 0.05 us.
struct CursorSigner: Sendable {
    /// The lists that have cursors. Part of what is signed, so that a cursor of one list is no cursor of another.
    enum List: UInt8 {
        case feed = 1
        case userPosts = 2
        case following = 3
        case followers = 4
        case followRequests = 5
        case blocks = 6
        case mutes = 7
        case export = 20
        case comments = 40
        case reactions = 41
        case notifications = 42
        case rankedFeed = 50
        case pendingPosts = 60
    }

    let key: Hash128
    private static let version: UInt8 = 2
    /// Version, position and hash.
    private static let byteCount = 17
    /// Characters of a cursor.
    static let length = (byteCount * 8 + 5) / 6
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// `key` is at least 16 secret bytes.
    init(key: [UInt8]) {
        precondition(key.count >= 16, "a key has at least 16 bytes")
        self.key = key.withUnsafeBytes {
            Hash128(
                high: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self), low: $0.loadUnaligned(as: UInt64.self))
        }
    }

    func cursor(_ position: PagePosition, of list: List, owner: some RawRepresentable<UInt64>) -> String {
        String(unsafeUninitializedCapacity: Self.length) {
            write(position, of: list, owner: owner, to: UnsafeMutableRawBufferPointer($0))
            return Self.length
        }
    }

    /// Writes the `length` characters of a cursor.
    func write(
        _ position: PagePosition, of list: List, owner: some RawRepresentable<UInt64>,
        to text: UnsafeMutableRawBufferPointer
    ) {
        let hash = hash(position, list, owner)
        var bits = UInt64(Self.version)
        var bitCount = 8
        var place = 0
        // Four bytes at a time, from the left, in groups of six bits.
        func add(_ half: UInt64) {
            bits = bits << 32 | half & 0xffff_ffff
            bitCount += 32
            while bitCount >= 6 {
                bitCount -= 6
                text[place] = Self.alphabet.utf8Start[Int(bits >> UInt64(bitCount) & 63)]
                place += 1
            }
        }
        add(position.rawValue >> 32)
        add(position.rawValue)
        add(hash >> 32)
        add(hash)
        text[place] = Self.alphabet.utf8Start[Int(bits << UInt64(6 - bitCount) & 63)]
    }

    /// The position in a cursor; nil for an empty text, which begins anew.
    func position(
        _ cursor: String, of list: List, owner: some RawRepresentable<UInt64>
    ) throws(Problem) -> PagePosition? {
        if cursor.isEmpty { return nil }
        guard let bytes = Base64.decode(cursor.utf8), bytes.count == Self.byteCount else { throw Self.stranger }
        let position = PagePosition(rawValue: bytes[1..<9].reduce(0) { $0 << 8 | UInt64($1) })
        // Compared as a whole text, or one cursor could be written in several ways.
        guard Self.isEqual(cursor, self.cursor(position, of: list, owner: owner)) else { throw Self.stranger }
        return position
    }

    static var stranger: Problem {
        .invalid("cursor", "it is not a cursor that this server gave for this list; leave it out to begin anew")
    }

    private func hash(_ position: PagePosition, _ list: List, _ owner: some RawRepresentable<UInt64>) -> UInt64 {
        let rest = [UInt64(list.rawValue).littleEndian, owner.rawValue.littleEndian] as InlineArray<2, UInt64>
        return rest.span.withUnsafeBytes { SipHash.hash(position.rawValue, $0, key: key) }
    }

    /// Takes the same time wherever the first difference is.
    static func isEqual(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
