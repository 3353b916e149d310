import NIOSSL
import StarlingSchema
import Synchronization

/// The certificate and the key with which listeners show who they are. Read anew on `reload`, for new connections.
final class TLSIdentity: Sendable {
    /// What is spoken inside.
    enum Inside: Sendable { case http, frames }

    private struct Contexts: Sendable {
        var http: NIOSSLContext
        var frames: NIOSSLContext
    }

    private let contexts: Mutex<Contexts>
    private let certificate: String
    private let key: String

    /// - Parameters:
    ///   - certificate: a PEM file: the certificate, and those between it and a root.
    ///   - key: a PEM file with its private key.
    init(certificate: String, key: String) throws(ConfigurationError) {
        self.certificate = certificate
        self.key = key
        contexts = Mutex(try Self.load(certificate, key))
    }

    /// What a new connection is to use.
    func context(for inside: Inside) -> NIOSSLContext {
        contexts.withLock { inside == .http ? $0.http : $0.frames }
    }

    /// Reads both files again. When it throws, what was in force stays so.
    func reload() throws(ConfigurationError) {
        let fresh = try Self.load(certificate, key)
        contexts.withLock { $0 = fresh }
    }

    private static func load(_ certificate: String, _ key: String) throws(ConfigurationError) -> Contexts {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
            throw ConfigurationError(key: "tls.certificate", reason: "\(certificate) is no PEM certificate: \(error)")
        }
        let privateKey: NIOSSLPrivateKey
        do { privateKey = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
            throw ConfigurationError(key: "tls.key", reason: "\(key) is no PEM private key: \(error)")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        do {
            let frames = try NIOSSLContext(configuration: configuration)
            configuration.applicationProtocols = ["http/1.1"]
            return Contexts(http: try NIOSSLContext(configuration: configuration), frames: frames)
        } catch {
            throw ConfigurationError(
                key: "tls.key", reason: "\(key) does not belong to the certificate \(certificate): \(error)")
        }
    }
}
