import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct MailboxTests {
    private func contents(_ mailbox: Mailbox<Int>) -> [Int] {
        var taken: [Int] = []
        mailbox.takeAll(into: &taken)
        return taken
    }

    @Test func elementsComeInOrderAndOnce() {
        let mailbox = Mailbox<Int>(limit: 10)
        for element in 1...3 { #expect(mailbox.offer(element) == .taken) }
        #expect(contents(mailbox) == [1, 2, 3])
        #expect(contents(mailbox) == [])
    }

    @Test func fullMailboxRefusesUntilItIsEmptied() {
        let mailbox = Mailbox<Int>(limit: 2)
        #expect([1, 2, 3].map { mailbox.offer($0) } == [.taken, .taken, .full])
        #expect(contents(mailbox) == [1, 2])
        #expect(mailbox.offer(4) == .taken)
    }

    @Test func bytesAreBounded() {
        let mailbox = Mailbox<Int>(limit: 10, byteLimit: 100)
        #expect(mailbox.offer(1, bytes: 60) == .taken)
        #expect(mailbox.offer(2, bytes: 41) == .full)
        #expect(mailbox.offer(3, bytes: 40) == .taken)
    }

    @Test func takingGivesTheBytesBack() {
        let mailbox = Mailbox<Int>(limit: 10, byteLimit: 100)
        #expect(mailbox.offer(1, bytes: 100) == .taken)
        _ = contents(mailbox)
        #expect(mailbox.offer(2, bytes: 100) == .taken)
    }

    /// Or a command larger than the limit could never pass.
    @Test func emptyMailboxTakesAnElementOfAnySize() {
        let mailbox = Mailbox<Int>(limit: 10, byteLimit: 100)
        #expect(mailbox.offer(1, bytes: 1_000) == .taken)
        #expect(mailbox.offer(2, bytes: 1) == .full)
    }

    @Test func closedMailboxKeepsWhatItHas() {
        let mailbox = Mailbox<Int>(limit: 10)
        _ = mailbox.offer(1)
        mailbox.close()
        #expect(mailbox.offer(2) == .closed)
        #expect(contents(mailbox) == [1])
    }

    @Test func eachSendersOrderIsKept() {
        let mailbox = Mailbox<Int>(limit: .max)
        let senders = (0..<4).map { sender in
            SystemThread(name: "sender-\(sender)") {
                for number in 0..<2_000 { _ = mailbox.offer(sender * 10_000 + number) }
            }
        }
        var received: [Int] = []
        while received.count < 8_000 { received += contents(mailbox) }
        for sender in senders { sender.join() }
        for sender in 0..<4 {
            #expect(received.filter { $0 / 10_000 == sender } == (0..<2_000).map { sender * 10_000 + $0 })
        }
    }
}
