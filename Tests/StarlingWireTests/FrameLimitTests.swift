import NIOCore
import StarlingSchema
import StarlingSystem
import StarlingWire
import SwiftProtobuf
import Testing

struct FrameLimitTests {
    private func header(
        length: UInt32, flags: UInt16 = 0, opcode: UInt16 = 16, correlation: UInt64 = 7
    ) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(length, opcode, flags, correlation, endianness: .little)
        return buffer
    }

    private func next(_ buffer: ByteBuffer, limit: Int = 1 << 20) throws(WireError) -> Frame? {
        var buffer = buffer
        return try FrameDecoder(limits: WireLimits(maxPayloadBytes: limit)).next(from: &buffer)
    }

    @Test(arguments: [(0, 4096), (5000, 5000), (1 << 30, 16 << 20), (Int.min, 4096), (Int.max, 16 << 20)])
    func limitsAreKeptInTheirRange(wanted: Int, actual: Int) {
        #expect(WireLimits(maxPayloadBytes: wanted).maxPayloadBytes == actual)
    }

    @Test(arguments: [1_048_577, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as [UInt32])
    func frameThatIsTooLargeIsRefusedByItsHeader(length: UInt32) {
        let expected = WireError.frameTooLarge(declared: Int(length), limit: 1 << 20, correlation: 7)
        #expect(throws: expected) { try next(header(length: length)) }
    }

    @Test func frameOfTheGreatestSizeIsWaitedFor() throws {
        let buffer = header(length: 1 << 20)
        #expect(try next(buffer) == nil)
        #expect(FrameDecoder().missingBytes(in: buffer) == 1 << 20)
    }

    @Test func missingBytesNeverExceedTheLimit() {
        #expect(FrameDecoder().missingBytes(in: header(length: .max)) == 1 << 20)
    }

    @Test(arguments: [8, 9, 0x10, 0x8000, 0xffff] as [UInt16])
    func flagsWithoutAMeaning(flags: UInt16) {
        #expect(throws: WireError.unknownFlags(flags, correlation: 7)) { try next(header(length: 0, flags: flags)) }
    }

    @Test(arguments: [0, 1])
    func contextWithoutALength(payloadLength: Int) {
        var buffer = header(length: UInt32(payloadLength), flags: 1)
        buffer.writeRepeatingByte(0, count: payloadLength)
        #expect(throws: WireError.contextMissing(payloadLength: payloadLength, correlation: 7)) { try next(buffer) }
    }

    @Test(arguments: [1, 0xffff] as [UInt16])
    func contextLongerThanItsFrame(length: UInt16) {
        var buffer = header(length: 2, flags: 1)
        buffer.writeInteger(length, endianness: .little)
        // What follows belongs to the next frame and must not be taken for the context.
        buffer.writeRepeatingByte(0, count: 70_000)
        #expect(throws: WireError.contextTooLong(declared: Int(length), limit: 0, correlation: 7)) { try next(buffer) }
    }

    @Test func contextOfMoreThanItsLimit() {
        var buffer = header(length: 2 + 4097, flags: 1)
        buffer.writeInteger(UInt16(4097), endianness: .little)
        buffer.writeRepeatingByte(0, count: 4097)
        #expect(throws: WireError.contextTooLong(declared: 4097, limit: 4096, correlation: 7)) { try next(buffer) }
    }

    @Test func contextThatIsNoMessage() throws {
        var buffer = header(length: 3, flags: 1)
        buffer.writeBytes([1, 0, 0xff])
        let frame = try #require(try next(buffer))
        #expect(throws: WireError.self) { try frame.context() }
    }

    @Test func writerRefusesWhatTheReaderWould() throws {
        let encoder = FrameEncoder(limits: WireLimits(maxPayloadBytes: 4096))
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(1))
        try encoder.writeRequest(opcode: 16, correlation: 1, into: &buffer) { $0.writeRepeatingByte(0, count: 4096) }
        let length = buffer.readableBytes
        #expect(throws: WireError.frameTooLarge(declared: 4097, limit: 4096, correlation: 2)) {
            try encoder.writeRequest(opcode: 16, correlation: 2, into: &buffer) {
                $0.writeRepeatingByte(0, count: 4097)
            }
        }
        #expect(buffer.readableBytes == length, "what was refused has to leave no trace")
    }

    @Test func writerRefusesALongContext() {
        let context = Starling_V1_RequestContext.with { $0.traceID = String(repeating: "t", count: 5000) }
        var buffer = ByteBuffer()
        #expect(throws: WireError.contextTooLong(declared: 5003, limit: 4096, correlation: 1)) {
            try FrameEncoder().writeRequest(opcode: 16, correlation: 1, context: context, into: &buffer) { _ in }
        }
        #expect(buffer.readableBytes == 0)
    }

    @Test func longProblemIsCutToFit() throws {
        let limits = WireLimits(maxPayloadBytes: 4096)
        let problem = Starling_V1_Problem.with {
            $0.status = 400
            $0.detail = "a" + String(repeating: "\u{301}", count: 10_000)
            $0.errors = [.with { $0.message = String(repeating: "m", count: 5000) }]
        }
        var buffer = ByteBuffer()
        FrameEncoder(limits: limits).writeProblem(problem, opcode: 16, correlation: 1, into: &buffer)
        let frame = try #require(try FrameDecoder(limits: limits).next(from: &buffer))
        let decoded = try frame.payload.withUnsafeReadableBytes {
            try MessageCoding.decode(Starling_V1_Problem.self, from: $0.bytes)
        }
        #expect(decoded.status == 400)
        #expect(decoded.errors.isEmpty)
        #expect(decoded.detail.unicodeScalars.count == 256)
    }
}
