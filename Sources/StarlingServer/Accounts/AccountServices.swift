import Crypto
import NIOPosix
import StarlingEngine
import StarlingSchema
import StarlingSystem
import SwiftProtobuf
import Synchronization

/// What operations on accounts work with beside the engine: keys, tokens, passwords, the clock.
final class AccountServices: Sendable {
    let tokens: AccessTokens
    let passwords: PasswordHasher
    let secret: SymmetricKey
    let time: any TimeSource
    /// How long a refresh token is good, in seconds.
    let refreshSeconds: Int
    /// Whether cookies are only sent over TLS.
    let hasSecureCookies: Bool
    private let file: AuthKeyFile
    private let keys: Mutex<AuthKeys>

    init(
        _ configuration: DaemonConfiguration, disk: any Disk, time: any TimeSource, threads: NIOThreadPool
    ) async throws {
        file = AuthKeyFile(directory: configuration.data, disk: disk)
        let loaded = try file.load()
        keys = Mutex(loaded)
        tokens = try await AccessTokens(loaded)
        passwords = PasswordHasher(cost: configuration.scryptCost, threads: threads)
        secret = SymmetricKey(data: loaded.secret)
        self.time = time
        refreshSeconds = configuration.refreshSeconds
        hasSecureCookies = configuration.hasSecureCookies
    }

    /// Seconds since 1970.
    var now: Int { Int(time.wallMilliseconds() / 1_000) }

    var refreshExpiry: UInt64 { time.wallMilliseconds() + UInt64(refreshSeconds) * 1_000 }

    /// Signs with a new key from now on; its id. Durable before it is used.
    func rotateKeys() async throws -> String {
        let rotated = try keys.withLock { keys in
            var rotated = keys
            rotated.rotate(now: time.wallMilliseconds())
            try file.store(rotated)
            keys = rotated
            return rotated
        }
        try await tokens.use(rotated)
        return rotated.signing[0].kid
    }

    /// The hash of a request that holds a password: keyed, so that the log gives nobody a quick way to try passwords.
    func fingerprint(_ request: some Message, opcode: UInt16) -> Hash128 {
        let bytes = [UInt8(opcode >> 8), UInt8(truncatingIfNeeded: opcode)] + MessageCoding.encode(request)
        let code = Array(HMAC<SHA256>.authenticationCode(for: Array("request".utf8) + bytes, using: secret))
        return Hash128(
            high: code[..<8].reduce(0) { $0 << 8 | UInt64($1) }, low: code[8..<16].reduce(0) { $0 << 8 | UInt64($1) })
    }
}
