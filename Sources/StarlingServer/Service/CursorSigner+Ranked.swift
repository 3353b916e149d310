import StarlingEngine
import StarlingSchema
import StarlingSystem

/// Cursors of ranked feeds: a version, the position, and SipHash-2-4 of the owner, the kind of list and the position, in base64url.
/// They hold the order that is still to come, so they are some hundred characters long.
extension CursorSigner {
    private static let rankedVersion: UInt8 = 3
    private static let hashBytes = 8

    func rankedCursor(_ position: RankedPosition, owner: UserID) -> String {
        let bytes = position.bytes
        var hash = rankedHash(bytes, owner)
        var text = [Self.rankedVersion] + bytes
        for _ in 0..<Self.hashBytes {
            text.append(UInt8(truncatingIfNeeded: hash))
            hash >>= 8
        }
        return Base64.urlSafe(text)
    }

    /// The position in a cursor; nil for an empty text, which begins anew.
    func rankedPosition(_ cursor: String, owner: UserID) throws(Problem) -> RankedPosition? {
        if cursor.isEmpty { return nil }
        guard let bytes = Base64.decode(cursor.utf8), bytes.first == Self.rankedVersion,
            let position = RankedPosition(bytes: bytes.dropFirst().dropLast(Self.hashBytes)),
            // Compared as a whole text, or one cursor could be written in several ways.
            Self.isEqual(cursor, rankedCursor(position, owner: owner))
        else { throw Self.stranger }
        return position
    }

    private func rankedHash(_ bytes: [UInt8], _ owner: UserID) -> UInt64 {
        // The list comes first and in 8 bytes, as in the hash of other cursors: so no text is hashed for both.
        let list = UInt64(List.rankedFeed.rawValue)
        let rest = (0..<8).map { UInt8(truncatingIfNeeded: list >> UInt64($0 * 8)) } + bytes
        return rest.withUnsafeBytes { SipHash.hash(owner.rawValue, $0, key: key) }
    }
}
