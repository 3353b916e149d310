import Crypto
import CryptoExtras
import StarlingSchema

/// A hash of a password by scrypt (RFC 7914), with its parameters, in PHC format: `$scrypt$ln=15,r=8,p=3$salt$hash`.
struct PasswordHash: Sendable, Equatable {
    /// The logarithm of the cost; the memory is 2 to the power of it KiB.
    let cost: Int
    private let salt: [UInt8]
    private let key: [UInt8]

    private static let blockSize = 8
    private static let parallelism = 3
    private static let saltBytes = 16
    private static let keyBytes = 32
    /// What may be set. A hash of another cost is not looked at: it would cost more than we have.
    static let costs = 10...20

    /// The hash of a new password. Takes `2^cost` KiB and, at 15, about 0.2 s.
    init(_ password: String, cost: Int) throws {
        self.cost = cost
        salt = Self.randomBytes(Self.saltBytes)
        key = try Self.derive(password, salt, cost)
    }

    /// A hash of which nobody knows the password. Costs nothing to make, and as much as any other to compare with.
    init(ofNobodyAtCost cost: Int) {
        self.cost = cost
        salt = Self.randomBytes(Self.saltBytes)
        key = Self.randomBytes(Self.keyBytes)
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// From its text; nil when it is none.
    init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let cost = Self.costs.first(where: { parts[2] == Self.parameters($0) }),
            let salt = Base64.decode(parts[3].utf8), salt.count == Self.saltBytes,
            let key = Base64.decode(parts[4].utf8), key.count == Self.keyBytes
        else { return nil }
        self.cost = cost
        self.salt = salt
        self.key = key
    }

    private static func parameters(_ cost: Int) -> String { "ln=\(cost),r=\(blockSize),p=\(parallelism)" }

    var text: String {
        "$scrypt$\(Self.parameters(cost))$\(Base64.urlSafe(salt))$\(Base64.urlSafe(key))"
    }

    /// Whether it is the hash of `password`. Costs as much as making one, and the same for every password.
    func matches(_ password: String) throws -> Bool {
        let other = try Self.derive(password, salt, cost)
        return zip(key, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ password: String, _ salt: [UInt8], _ cost: Int) throws -> [UInt8] {
        // A byte in front, because the library takes no empty password.
        let key = try KDF.Scrypt.deriveKey(
            from: [0] + Array(password.utf8), salt: salt, outputByteCount: keyBytes, rounds: 1 << cost,
            blockSize: blockSize, parallelism: parallelism)
        return key.withUnsafeBytes { Array($0) }
    }
}
