import Crypto
import StarlingEngine
import StarlingSchema

/// Makes cursors that only this server's data directory can have made: position, kind of list and owner, with an
/// HMAC-SHA-256 cut to 16 bytes, in base64url. They stay valid over restarts.
struct CursorSigner: Sendable {
    /// The lists that have cursors. Part of what is signed, so that a cursor of one list is no cursor of another.
    enum List: UInt8 {
        case feed = 1
        case userPosts = 2
        case following = 3
        case followers = 4
    }

    private let key: SymmetricKey
    private static let version: UInt8 = 1
    private static let macBytes = 16

    /// `key` is 32 secret bytes.
    init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    func cursor(_ position: PagePosition, of list: List, owner: UserID) -> String {
        var bytes = [Self.version]
        withUnsafeBytes(of: position.rawValue.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: mac(bytes, list, owner))
        return Base64.urlSafe(bytes)
    }

    /// The position in a cursor; nil for an empty text, which begins anew.
    func position(_ cursor: String, of list: List, owner: UserID) throws(Problem) -> PagePosition? {
        if cursor.isEmpty { return nil }
        // Compared as text too, or one cursor could be written in several ways.
        guard let bytes = Base64.decode(cursor.utf8), Base64.urlSafe(bytes) == cursor, bytes.count == 9 + Self.macBytes,
            bytes[0] == Self.version,
            Self.isEqual(bytes[9...], mac(Array(bytes[..<9]), list, owner))
        else {
            throw .invalid(
                "cursor", "it is not a cursor that this server gave for this list; leave it out to begin anew")
        }
        return PagePosition(rawValue: bytes[1..<9].reduce(0) { $0 << 8 | UInt64($1) })
    }

    private func mac(_ bytes: [UInt8], _ list: List, _ owner: UserID) -> ArraySlice<UInt8> {
        var message = bytes
        message.append(list.rawValue)
        withUnsafeBytes(of: owner.rawValue.bigEndian) { message.append(contentsOf: $0) }
        return Array(HMAC<SHA256>.authenticationCode(for: message, using: key))[..<Self.macBytes]
    }

    /// Takes the same time wherever the first difference is.
    private static func isEqual(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
