import NIOCore
import StarlingWire
import Testing

struct ClientPrefaceTests {
    private func encoded(_ preface: ClientPreface) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try preface.encode(into: &buffer)
        return WireFixture.bytes(buffer)
    }

    private func decode(_ bytes: [UInt8]) throws(WireError) -> ClientPreface? {
        var buffer = WireFixture.buffer(bytes)
        return try ClientPreface.decode(from: &buffer)
    }

    @Test func bytesOfTheProtocol() throws {
        #expect(try encoded(ClientPreface()) == [0xfb, 0x53, 0x54, 0x4c, 1, 1, 0, 0, 0, 0])
        #expect(
            try encoded(ClientPreface(versions: 1...3, token: [0x61, 0x62]))
                == [0xfb, 0x53, 0x54, 0x4c, 1, 3, 0, 0, 2, 0, 0x61, 0x62])
    }

    @Test(arguments: [0, 1, 255, 4096])
    func roundTrip(tokenLength: Int) throws {
        let preface = ClientPreface(versions: 1...9, token: [UInt8](repeating: 7, count: tokenLength))
        #expect(try decode(encoded(preface)) == preface)
    }

    @Test func everyPrefixIsIncompleteAndLeavesTheBufferAlone() throws {
        let bytes = try encoded(ClientPreface(token: [1, 2, 3]))
        for length in 0..<bytes.count {
            var buffer = WireFixture.buffer(Array(bytes.prefix(length)))
            #expect(try ClientPreface.decode(from: &buffer) == nil, "\(length)")
            #expect(buffer.readableBytes == length)
        }
    }

    @Test func whatFollowsStays() throws {
        var buffer = WireFixture.buffer(try encoded(ClientPreface(token: [1])) + [9, 9])
        _ = try ClientPreface.decode(from: &buffer)
        #expect(WireFixture.bytes(buffer) == [9, 9])
    }

    @Test(arguments: 0..<4)
    func strangerIsRefusedAtTheFirstWrongByte(offset: Int) {
        var bytes = Array(PrefaceMagic.bytes.prefix(offset + 1))
        bytes[offset] ^= 1
        #expect(throws: WireError.badPreface(offset: offset, byte: bytes[offset])) { try decode(bytes) }
    }

    @Test func webBrowserIsRefused() {
        #expect(throws: WireError.badPreface(offset: 0, byte: 0x47)) { try decode(Array("GET / HTTP/1.1\r\n".utf8)) }
    }

    @Test(arguments: [(0, 1), (0, 0), (2, 1), (255, 254)] as [(UInt8, UInt8)])
    func versionsThatAreNoRange(minimum: UInt8, maximum: UInt8) {
        #expect(throws: WireError.badVersionRange(minimum: minimum, maximum: maximum)) {
            try decode(PrefaceMagic.bytes + [minimum, maximum, 0, 0, 0, 0])
        }
    }

    @Test func unknownFlags() {
        #expect(throws: WireError.unknownPrefaceFlags(0x0100)) {
            try decode(PrefaceMagic.bytes + [1, 1, 0, 1, 0, 0])
        }
    }

    @Test func tokenThatIsTooLongIsRefusedBeforeItArrives() {
        #expect(throws: WireError.tokenTooLong(declared: 4097, limit: 4096)) {
            try decode(PrefaceMagic.bytes + [1, 1, 0, 0, 0x01, 0x10])
        }
        #expect(throws: WireError.tokenTooLong(declared: 4097, limit: 4096)) {
            try encoded(ClientPreface(token: [UInt8](repeating: 0, count: 4097)))
        }
    }

    @Test(
        arguments: [
            (1...1, 1...1, 1), (1...3, 1...2, 2), (2...5, 1...9, 5), (2...3, 1...1, nil), (1...1, 2...3, nil),
        ] as [(ClosedRange<UInt8>, ClosedRange<UInt8>, UInt8?)])
    func negotiation(client: ClosedRange<UInt8>, server: ClosedRange<UInt8>, version: UInt8?) {
        #expect(ClientPreface(versions: client).negotiatedVersion(with: server) == version)
    }
}
