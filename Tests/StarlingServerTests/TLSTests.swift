import NIOCore
import NIOPosix
import NIOSSL
import StarlingTestSupport
import Testing

@testable import StarlingServer

/// TLS on both listeners.
@Suite struct TLSTests {
    private let directory: TemporaryDirectory
    private var certificate: String { directory.path + "/certificate.pem" }
    private var key: String { directory.path + "/key.pem" }

    init() throws {
        directory = try TemporaryDirectory()
        try JSONText.write(TestCertificate.one, to: directory.path + "/certificate.pem")
        try JSONText.write(TestCertificate.keyOne, to: directory.path + "/key.pem")
    }

    private func configure(_ configuration: inout DaemonConfiguration) throws {
        try configuration.set("tls.certificate", certificate)
        try configuration.set("tls.key", key)
    }

    /// Sends bytes over TLS, trusting one certificate only, and returns what has come when `enough` says so.
    private func exchange(
        _ port: Int, trusting certificate: String, _ bytes: [UInt8], maximum: TLSVersion? = nil,
        enough: @escaping @Sendable ([UInt8]) -> Bool
    ) async throws -> [UInt8] {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([try NIOSSLCertificate(bytes: Array(certificate.utf8), format: .pem)])
        configuration.minimumTLSVersion = .tlsv1
        configuration.maximumTLSVersion = maximum
        let context = try NIOSSLContext(configuration: configuration)
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(bytes: bytes))
            var received: [UInt8] = []
            for try await piece in inbound {
                received += Array(buffer: piece)
                if enough(received) { break }
            }
            return received
        }
    }

    private func read(_ daemon: TestDaemon, trusting certificate: String, maximum: TLSVersion? = nil) async throws
        -> String
    {
        let answer = try await exchange(
            daemon.daemon.http.port, trusting: certificate, HTTPConnection.request("GET", "/version"), maximum: maximum
        ) { String(decoding: $0, as: UTF8.self).contains("}") }
        return String(decoding: answer, as: UTF8.self)
    }

    @Test func bothListenersSpeakIt() async throws {
        try await TestDaemon.run(configure: configure) { daemon in
            for version in [nil, TLSVersion.tlsv12, .tlsv13] {
                let answer = try await read(daemon, trusting: TestCertificate.one, maximum: version)
                #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("starling"))
            }
            let preface = try await exchange(
                daemon.daemon.tcp.port, trusting: TestCertificate.one, WireConnection.preface
            ) { $0.count >= 6 }
            #expect(Array(preface.prefix(6)) == [0xfb, 0x53, 0x54, 0x4c, 1, 0])
            #expect(try await daemon.admin().request("GET", "/livez").status == 200, "loopback, without TLS")
        }
    }

    @Test func theAdminListenerSpeaksItWhenAsked() async throws {
        try await TestDaemon.run(configure: {
            try configure(&$0)
            try $0.set("admin.tls", "true")
        }) { daemon in
            let answer = try await exchange(
                daemon.daemon.admin.port, trusting: TestCertificate.one, HTTPConnection.request("GET", "/livez")
            ) { $0.suffix(3) == Array("ok\n".utf8) }
            #expect(!answer.isEmpty)
        }
    }

    /// Old versions, and clients without TLS, get nothing, and the daemon goes on.
    @Test func nothingElseIsSpoken() async throws {
        try await TestDaemon.run(configure: configure) { daemon in
            await #expect(throws: (any Error).self) {
                _ = try await read(daemon, trusting: TestCertificate.one, maximum: .tlsv11)
            }
            await #expect(throws: (any Error).self) { _ = try await read(daemon, trusting: TestCertificate.two) }
            for port in [daemon.daemon.http.port, daemon.daemon.tcp.port] {
                for bytes in [
                    HTTPConnection.request("GET", "/livez"), WireConnection.preface, [0x16, 0x03, 0x01, 0xff, 0xff],
                ] as [[UInt8]] {
                    let socket = try StreamSocket(port: port)
                    try await socket.send(bytes)
                    socket.finishSending()
                    let answer = String(decoding: try await socket.receiveToEnd(), as: UTF8.self)
                    #expect(!answer.contains("HTTP/1.1"))
                }
            }
            #expect(try await read(daemon, trusting: TestCertificate.one).hasPrefix("HTTP/1.1 200 "))
        }
    }

    /// A handshake that does not go on is ended.
    @Test func aHalfDoneHandshakeIsCutOff() async throws {
        try await TestDaemon.run(configure: {
            try configure(&$0)
            $0.httpLimits.header = .milliseconds(200)
            $0.tcpLimits.prefaceTimeout = .milliseconds(200)
        }) { daemon in
            for port in [daemon.daemon.http.port, daemon.daemon.tcp.port] {
                let socket = try StreamSocket(port: port)
                try await socket.send([0x16, 0x03, 0x01] as [UInt8])
                _ = try await socket.receiveToEnd()
            }
        }
    }

    /// A new certificate counts for new connections; one that cannot be used changes nothing.
    @Test func theCertificateIsReadAgain() async throws {
        try await TestDaemon.run(configure: configure) { daemon in
            var configuration = try TestDaemon.configuration(directory)
            try configure(&configuration)
            try JSONText.write(TestCertificate.two, to: certificate)
            await daemon.daemon.reload(configuration)
            #expect(
                try await read(daemon, trusting: TestCertificate.one).hasPrefix("HTTP/1.1 200 "), "its key is missing")
            try JSONText.write(TestCertificate.keyTwo, to: key)
            await daemon.daemon.reload(configuration)
            #expect(try await read(daemon, trusting: TestCertificate.two).hasPrefix("HTTP/1.1 200 "))
            await #expect(throws: (any Error).self) { _ = try await read(daemon, trusting: TestCertificate.one) }
            try JSONText.write("nonsense", to: certificate)
            await daemon.daemon.reload(configuration)
            #expect(try await read(daemon, trusting: TestCertificate.two).hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func filesThatCannotBeUsedAreNamed() async throws {
        try JSONText.write("nonsense", to: directory.path + "/nonsense.pem")
        try JSONText.write(TestCertificate.keyTwo, to: directory.path + "/other.pem")
        for (certificate, key, named) in [
            (certificate, directory.path + "/other.pem", "tls.key"), (certificate, "/no/such/file", "tls.key"),
            ("/no/such/file", key, "tls.certificate"), (directory.path + "/nonsense.pem", key, "tls.certificate"),
            (certificate, directory.path + "/nonsense.pem", "tls.key"), (certificate, "", "tls.key"),
            ("", key, "tls.certificate"),
        ] {
            var configuration = try TestDaemon.configuration(directory)
            try configuration.set("tls.certificate", certificate)
            try configuration.set("tls.key", key)
            let error = await #expect(throws: ConfigurationError.self) {
                _ = try await Daemon.start(configuration, logger: TestDaemon.silent, onFailure: { _ in })
            }
            #expect(error?.key == named)
        }
    }
}
