import StarlingLimits
import Testing

@Suite struct PaceTests {
    private static let second: UInt64 = 1_000_000_000
    private static let limits = RequestPaceLimits(
        idle: 30 * second, header: 10 * second, body: ArrivalPace(grace: 5 * second, bytesPerSecond: 1_000),
        framingBytes: 1_000)

    private func expectTaken(_ isTaken: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(isTaken, sourceLocation: sourceLocation)
    }

    private func pace() -> RequestPace { RequestPace(limits: Self.limits, now: 100 * Self.second) }

    @Test func aConnectionMayBeIdleForAWhile() {
        var pace = pace()
        #expect(pace.deadline == 130 * Self.second)
        expectTaken(pace.bytesCame(10, now: 120 * Self.second))
        #expect(pace.deadline == 130 * Self.second, "the header's time began")
        pace.headerEnded(now: 121 * Self.second)
        pace.requestEnded(now: 121 * Self.second)
        #expect(pace.deadline == nil, "the server's turn")
        pace.answered(now: 150 * Self.second)
        #expect(pace.deadline == 180 * Self.second)
    }

    /// A byte now and then does not keep a header alive.
    @Test func aHeaderInDribletsHasOneDeadline() {
        var pace = pace()
        for step in 0..<20 as Range<UInt64> {
            expectTaken(pace.bytesCame(1, now: (101 + step) * Self.second))
            #expect(pace.deadline == 111 * Self.second)
        }
    }

    /// After the grace each byte buys its time, no more.
    @Test func aBodyMustKeepItsRate() {
        var pace = pace()
        expectTaken(pace.bytesCame(50, now: 100 * Self.second))
        pace.headerEnded(now: 101 * Self.second)
        #expect(pace.deadline == 106 * Self.second)
        pace.bodyCame(500)
        #expect(pace.deadline == 106 * Self.second + Self.second / 2)
        pace.bodyCame(1_500)
        #expect(pace.deadline == 108 * Self.second)
        pace.bodyCame(.max / 4)
        #expect((pace.deadline ?? 0) > 1_000_000 * Self.second)
    }

    /// The next request's time does not run while the server is busy with the one before.
    @Test func pipelinedRequestsWaitForFree() {
        var pace = pace()
        _ = pace.bytesCame(50, now: 100 * Self.second)
        pace.headerEnded(now: 100 * Self.second)
        pace.requestEnded(now: 100 * Self.second)
        _ = pace.bytesCame(50, now: 101 * Self.second)
        #expect(pace.deadline == nil)
        pace.answered(now: 200 * Self.second)
        #expect(pace.deadline == 210 * Self.second)
        pace.headerEnded(now: 201 * Self.second)
        #expect(pace.deadline == 206 * Self.second)
    }

    /// A request that was refused by its header still has to end its body in time.
    @Test func anAnswerBeforeTheBodyDoesNotFreeTheBody() {
        var pace = pace()
        _ = pace.bytesCame(50, now: 100 * Self.second)
        pace.headerEnded(now: 100 * Self.second)
        pace.answered(now: 101 * Self.second)
        #expect(pace.deadline == 105 * Self.second)
    }

    @Test func framingMustNotOutgrowWhatItFrames() {
        var honest = pace()
        expectTaken(honest.bytesCame(100, now: 0))
        honest.headerEnded(now: 0)
        // Chunks of one byte each, "1\r\nx\r\n".
        for _ in 0..<10_000 {
            expectTaken(honest.bytesCame(6, now: 0))
            honest.bodyCame(1)
        }
        var bomb = pace()
        expectTaken(bomb.bytesCame(100, now: 0))
        bomb.headerEnded(now: 0)
        let passed = (0..<100).prefix { _ in bomb.bytesCame(100, now: 0) }
        #expect(passed.count < 20)
        // The next request begins from nothing.
        bomb.requestEnded(now: 0)
        expectTaken(bomb.bytesCame(900, now: 0))
    }
}

@Suite struct ConnectionAdmissionTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func eachAddressHasItsShare() throws {
        let admission = ConnectionAdmission(limits: ConnectionLimits(perAddress: 2, perSecond: 0), now: 0)
        let (one, two) = (try address("192.0.2.1"), try address("192.0.2.2"))
        #expect(admission.admit(one, now: 0) == .admitted)
        #expect(admission.admit(try address("::ffff:192.0.2.1"), now: 0) == .admitted)
        #expect(admission.admit(one, now: 0) == .tooManyFromAddress)
        #expect(admission.admit(two, now: 0) == .admitted)
        admission.release(one)
        #expect(admission.admit(one, now: 0) == .admitted)
        for _ in 0..<9 { admission.release(one) }
        #expect(admission.openConnections(of: one) == 0 && admission.openConnections(of: two) == 1)
        #expect(admission.admit(try address("2001:db8::1"), now: 0) == .admitted)
        #expect(admission.admit(try address("2001:db8::2"), now: 0) == .admitted)
        #expect(admission.admit(try address("2001:db8::3"), now: 0) == .tooManyFromAddress)
    }

    @Test func connectionsComeAtARate() throws {
        let admission = ConnectionAdmission(limits: ConnectionLimits(perAddress: 1_000, perSecond: 10), now: 500)
        let one = try address("192.0.2.1")
        func admitted(_ tries: Int, now: UInt64) -> Int {
            (0..<tries).count { _ in admission.admit(one, now: now) == .admitted }
        }
        #expect(admitted(50, now: 500) == 10)
        #expect(admitted(50, now: 100_000_499) == 0)
        #expect(admitted(50, now: 100_000_500) == 1)
        #expect(admitted(50, now: 0) == 0, "time does not go back")
        #expect(admitted(50, now: 60_000_000_000) == 10)
        admission.setLimits(ConnectionLimits(perAddress: 1_000, perSecond: 0))
        #expect(admitted(50, now: 60_000_000_000) == 50)
    }
}
