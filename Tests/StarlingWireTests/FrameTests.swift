import NIOCore
import StarlingSchema
import StarlingWire
import SwiftProtobuf
import Testing

struct FrameTests {
    private let encoder = FrameEncoder()
    private let decoder = FrameDecoder()

    private func request(
        opcode: UInt16 = 16, correlation: UInt64 = 7, context: Starling_V1_RequestContext? = nil, _ payload: [UInt8]
    ) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        try encoder.writeRequest(opcode: opcode, correlation: correlation, context: context, into: &buffer) {
            $0.writeBytes(payload)
        }
        return buffer
    }

    @Test func bytesOfTheProtocol() throws {
        let buffer = try request(opcode: 0x0102, correlation: 0x0807_0605_0403_0201, [0xaa, 0xbb])
        #expect(
            WireFixture.bytes(buffer) == [2, 0, 0, 0, 0x02, 0x01, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0xaa, 0xbb])
    }

    @Test func bytesOfAContext() throws {
        let buffer = try request(context: .with { $0.minLsn = 5 }, [0xcc])
        #expect(
            WireFixture.bytes(buffer) == [5, 0, 0, 0, 16, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x18, 5, 0xcc])
    }

    @Test(arguments: [0, 1, 15, 16, 17, 65_536, 1 << 20])
    func roundTrip(length: Int) throws {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        var buffer = try request(payload)
        let frame = try #require(try decoder.next(from: &buffer))
        #expect(WireFixture.bytes(frame.payload) == payload)
        #expect(frame.header.opcode == 16 && frame.header.correlation == 7 && frame.header.flags == [])
        #expect(frame.contextBytes == nil)
        #expect(buffer.readableBytes == 0)
    }

    @Test func contextAndPayloadAreKeptApart() throws {
        let context = Starling_V1_RequestContext.with {
            $0.actorID = .max
            $0.idempotencyKey = "k"
            $0.durability = .disk
        }
        var buffer = try request(context: context, [1, 2, 3])
        let frame = try #require(try decoder.next(from: &buffer))
        #expect(try frame.context() == context)
        #expect(WireFixture.bytes(frame.payload) == [1, 2, 3])
    }

    @Test func emptyContextIsAContext() throws {
        var buffer = try request(context: Starling_V1_RequestContext(), [])
        let frame = try #require(try decoder.next(from: &buffer))
        #expect(try frame.context() == Starling_V1_RequestContext())
        #expect(frame.payload.readableBytes == 0)
    }

    @Test func answersCarryTheirFlags() throws {
        var buffer = ByteBuffer()
        try encoder.writeAnswer(opcode: 16, correlation: 1, flags: .replayed, into: &buffer) {
            $0.writeInteger(UInt8(1))
        }
        encoder.writeProblem(.with { $0.status = 404 }, opcode: 16, correlation: 2, into: &buffer)
        let first = try #require(try decoder.next(from: &buffer))
        let second = try #require(try decoder.next(from: &buffer))
        #expect(first.header.flags == .replayed)
        #expect(second.header.flags == .problem)
        let problem = try second.payload.withUnsafeReadableBytes {
            try MessageCoding.decode(Starling_V1_Problem.self, from: $0.bytes)
        }
        #expect(problem.status == 404)
    }

    @Test func manyFramesInOneBuffer() throws {
        var buffer = ByteBuffer()
        for number in 0..<100 {
            try encoder.writeRequest(opcode: 16, correlation: UInt64(number), into: &buffer) {
                $0.writeRepeatingByte(1, count: number)
            }
        }
        var sizes: [Int] = []
        while let frame = try decoder.next(from: &buffer) { sizes.append(frame.payload.readableBytes) }
        #expect(sizes == Array(0..<100))
    }

    @Test func everySplitOfAStreamGivesTheSameFrames() throws {
        var whole = try request(correlation: 1, [1, 2, 3])
        var next = try request(correlation: 2, context: .with { $0.actorID = 9 }, [4])
        whole.writeBuffer(&next)
        next = try request(correlation: 3, [])
        whole.writeBuffer(&next)
        let stream = WireFixture.bytes(whole)
        for split in 0...stream.count {
            var buffer = ByteBuffer()
            var found: [UInt64] = []
            for part in [stream[..<split], stream[split...]] {
                buffer.writeBytes(part)
                while let frame = try decoder.next(from: &buffer) { found.append(frame.header.correlation) }
            }
            #expect(found == [1, 2, 3], "split at \(split)")
        }
    }

    @Test func byteByByte() throws {
        let stream = WireFixture.bytes(try request(context: .with { $0.actorID = 9 }, [4, 5]))
        var buffer = ByteBuffer()
        for (index, byte) in stream.enumerated() {
            #expect(decoder.missingBytes(in: buffer) >= 1, "before byte \(index)")
            let early = try decoder.next(from: &buffer)
            #expect(early == nil, "before byte \(index)")
            #expect(buffer.readableBytes == index)
            buffer.writeInteger(byte)
        }
        #expect(decoder.missingBytes(in: buffer) == 0)
        let frame = try decoder.next(from: &buffer)
        #expect(frame != nil)
    }

    @Test func framesAreSlicesThatOutliveTheBuffer() throws {
        var buffer = try request([1, 2, 3])
        let frame = try #require(try decoder.next(from: &buffer))
        buffer.clear()
        buffer.writeBytes([9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9])
        #expect(WireFixture.bytes(frame.payload) == [1, 2, 3])
    }
}
