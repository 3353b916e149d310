/// What the texts of an account must be. Sizes in bytes of UTF-8 unless said otherwise.
public enum AccountRules {
    /// Characters of a username.
    public static let maximumUsername = 30
    /// Bytes of an address.
    public static let maximumEmailBytes = 254
    /// Bytes of a password.
    public static let passwordBytes = 8...1_024
    static let maximumDisplayName = 50
    static let maximumBio = 500
    static let maximumURLBytes = 2_048
    /// A character can take many bytes.
    static let maximumBytesPerCharacter = 8
    static let maximumHashBytes = 256

    /// A name or an address as it is compared: in lower case. Only ASCII is accepted, so no more is to be done.
    static func normalized(_ text: String) -> String {
        String(decoding: text.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }

    /// Throws the first rule that a username breaks.
    public static func checkUsername(_ name: String) throws(EngineError) {
        guard (1...maximumUsername).contains(name.utf8.count), name.utf8.allSatisfy(isNameByte) else {
            throw .invalid(
                field: "username",
                reason: "it must be 1 to \(maximumUsername) of the letters A to Z, digits, dots and underscores")
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == 46 || byte == 95 }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    /// Throws the first rule that an address breaks. Whether it reaches anybody, only a mail can tell.
    public static func checkEmail(_ email: String) throws(EngineError) {
        let parts = email.utf8.split(separator: 64, omittingEmptySubsequences: false)
        guard email.utf8.count <= maximumEmailBytes, parts.count == 2, (1...64).contains(parts[0].count),
            parts[0].allSatisfy({ (33...126).contains($0) && !#"()<>[]\,;:""#.utf8.contains($0) }),
            isDomain(parts[1])
        else {
            throw .invalid(field: "email", reason: "it is not an address like name@example.org, in ASCII")
        }
    }

    private static func isDomain(_ domain: Substring.UTF8View) -> Bool {
        domain.split(separator: 46, omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.allSatisfy { isAlphanumeric($0) || $0 == 45 }
                && label.first != 45 && label.last != 45
        }
    }

    /// Throws unless the password has a length that is accepted.
    public static func checkPassword(_ password: String) throws(EngineError) {
        guard passwordBytes.contains(password.utf8.count) else {
            throw .invalid(
                field: "password",
                reason: "it must be \(passwordBytes.lowerBound) to \(passwordBytes.upperBound) bytes long")
        }
    }

    static func checkDisplayName(_ name: String) throws(EngineError) {
        try check(name, field: "displayName", characters: maximumDisplayName)
        if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            throw .invalid(field: "displayName", reason: "it holds a control character")
        }
    }

    static func checkBio(_ bio: String) throws(EngineError) {
        try check(bio, field: "bio", characters: maximumBio)
    }

    private static func check(_ text: String, field: String, characters: Int) throws(EngineError) {
        if text.count > characters || text.utf8.count > characters * maximumBytesPerCharacter {
            throw .invalid(field: field, reason: "it is too long: at most \(characters) characters are allowed")
        }
    }

    static func checkPictureURL(_ url: String) throws(EngineError) {
        if url.isEmpty { return }
        let isPlain = url.utf8.allSatisfy { (33...126).contains($0) && !#"<>"\^`{|}"#.utf8.contains($0) }
        guard url.utf8.count <= maximumURLBytes, isPlain, url.hasPrefix("https://") || url.hasPrefix("http://") else {
            throw .invalid(
                field: "pictureUrl",
                reason: "it must be an http or https URL of at most \(maximumURLBytes) ASCII characters")
        }
    }
}
