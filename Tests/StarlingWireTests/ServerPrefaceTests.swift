import NIOCore
import StarlingWire
import Testing

struct ServerPrefaceTests {
    private let ok = ServerPreface(
        version: 1, status: .ok, maxInFlight: 0x0102, maxPayloadBytes: 0x0010_0000, text: "s/1")

    private func encoded(_ preface: ServerPreface) -> [UInt8] {
        var buffer = ByteBuffer()
        preface.encode(into: &buffer)
        return WireFixture.bytes(buffer)
    }

    private func decode(_ bytes: [UInt8]) throws(WireError) -> ServerPreface? {
        var buffer = WireFixture.buffer(bytes)
        return try ServerPreface.decode(from: &buffer)
    }

    @Test func bytesOfTheProtocol() {
        #expect(
            encoded(ok) == [0xfb, 0x53, 0x54, 0x4c, 1, 0, 0x02, 0x01, 0, 0, 0x10, 0, 3, 0] + Array("s/1".utf8))
    }

    @Test(arguments: PrefaceStatus.allCases)
    func roundTrip(status: PrefaceStatus) throws {
        var preface = ok
        preface.status = status
        preface.text = "später 😀"
        #expect(try decode(encoded(preface)) == preface)
    }

    @Test func everyPrefixIsIncomplete() throws {
        let bytes = encoded(ok)
        for length in 0..<bytes.count { #expect(try decode(Array(bytes.prefix(length))) == nil, "\(length)") }
    }

    @Test func longTextIsCutBetweenCharacters() throws {
        var preface = ok
        preface.text = "a" + String(repeating: "ä", count: 600)
        let decoded = try #require(try decode(encoded(preface)))
        #expect(decoded.text == "a" + String(repeating: "ä", count: 511))
    }

    @Test func unknownStatus() {
        var bytes = encoded(ok)
        bytes[5] = 4
        #expect(throws: WireError.unknownStatus(4)) { try decode(bytes) }
    }

    @Test func textThatIsTooLongIsRefusedBeforeItArrives() {
        var bytes = Array(encoded(ok).prefix(12))
        bytes += [0x01, 0x04]
        #expect(throws: WireError.badText(declared: 1025, limit: 1024)) { try decode(bytes) }
    }

    @Test func textThatIsNotUTF8() {
        var bytes = encoded(ok)
        bytes[bytes.count - 1] = 0xff
        #expect(throws: WireError.badText(declared: 3, limit: 1024)) { try decode(bytes) }
    }
}
