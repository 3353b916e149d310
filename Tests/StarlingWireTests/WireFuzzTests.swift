import NIOCore
import StarlingSchema
import StarlingSystem
import StarlingWire
import Testing

struct WireFuzzTests {
    private let limits = WireLimits(maxPayloadBytes: 4096)

    /// Bytes without sense in pieces of any size: no crash, and never more in the buffer than one frame and a piece.
    @Test(arguments: 0..<50)
    func nonsense(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let decoder = FrameDecoder(limits: limits)
        var buffer = ByteBuffer()
        feeding: for _ in 0..<200 {
            let piece = WireFixture.random(Int(random.next() % 64), &random)
            buffer.writeBytes(piece)
            do {
                while let frame = try decoder.next(from: &buffer) { _ = try? frame.context() }
            } catch {
                break feeding
            }
            #expect(buffer.readableBytes < 4096 + FrameHeader.byteCount)
        }
    }

    @Test(arguments: 0..<50)
    func nonsenseAsPreface(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let tail = WireFixture.random(Int(random.next() % 32), &random)
            var client = WireFixture.buffer(PrefaceMagic.bytes + tail)
            var server = client
            if let preface = try? ClientPreface.decode(from: &client) {
                #expect(preface.token.count <= WireLimits.maxTokenBytes)
            }
            if let preface = try? ServerPreface.decode(from: &server) {
                #expect(preface.text.utf8.count <= WireLimits.maxTextBytes)
            }
        }
    }

    /// A stream of random frames in random pieces comes out as it went in.
    @Test(arguments: 0..<30)
    func streamOfFramesInPieces(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let encoder = FrameEncoder(limits: limits)
        let decoder = FrameDecoder(limits: limits)
        var stream = ByteBuffer()
        var sent: [Expected] = []
        for _ in 0..<20 {
            let frame = Expected.random(&random)
            try encoder.writeRequest(
                opcode: frame.opcode, correlation: frame.correlation, context: frame.context, into: &stream
            ) { $0.writeBytes(frame.payload) }
            sent.append(frame)
        }
        var buffer = ByteBuffer()
        var received: [Expected] = []
        while stream.readableBytes > 0 {
            let length = min(stream.readableBytes, Int(random.next() % 300))
            buffer.writeBytes(stream.readBytes(length: length) ?? [])
            while let frame = try decoder.next(from: &buffer) {
                received.append(
                    Expected(
                        opcode: frame.header.opcode, correlation: frame.header.correlation,
                        context: try frame.context(), payload: WireFixture.bytes(frame.payload)))
            }
            if random.next() % 4 == 0 { buffer.discardReadBytes() }
        }
        #expect(received == sent)
    }

    /// One byte of a good stream is damaged: frames before it are whole, and nothing crashes.
    @Test(arguments: 0..<30)
    func damagedStream(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let decoder = FrameDecoder(limits: limits)
        var stream = ByteBuffer()
        var ends: [Int] = []
        for _ in 0..<10 {
            let frame = Expected.random(&random)
            try FrameEncoder(limits: limits).writeRequest(
                opcode: frame.opcode, correlation: frame.correlation, context: frame.context, into: &stream
            ) { $0.writeBytes(frame.payload) }
            ends.append(stream.writerIndex)
        }
        let place = Int(random.next() % UInt64(stream.readableBytes))
        var bytes = WireFixture.bytes(stream)
        bytes[place] ^= UInt8(1 << (random.next() % 8))
        var buffer = WireFixture.buffer(bytes)
        var whole = 0
        do {
            while let frame = try decoder.next(from: &buffer) {
                _ = try frame.context()
                whole += 1
            }
        } catch {}
        #expect(whole >= ends.filter { $0 <= place }.count)
    }

    private struct Expected: Equatable {
        let opcode: UInt16
        let correlation: UInt64
        let context: Starling_V1_RequestContext?
        let payload: [UInt8]

        static func random(_ random: inout SeededRandom) -> Expected {
            var context: Starling_V1_RequestContext?
            if random.next() % 2 == 0 {
                context = Starling_V1_RequestContext()
                context?.actorID = random.next()
                context?.idempotencyKey = "key \(random.next())"
                context?.minLsn = random.next()
            }
            return Expected(
                opcode: UInt16(truncatingIfNeeded: random.next()), correlation: random.next(), context: context,
                payload: WireFixture.random(Int(random.next() % 500), &random))
        }
    }
}
