import Glibc
import StarlingMemory
import StarlingSystem

/// The entries: chains of cells of 128 bytes, none of which lies across two pages. Text and
/// rows follow the fixed part of the first cell; what does not fit goes on in more cells, which begin with the reference
/// of the next. A key of up to 56 bytes takes one cell.
extension IdempotencyTable {
    static let cellUnits: UInt32 = 8
    static let cellBytes = 128
    /// Where text and rows begin in the first cell, and where they go on in the others.
    static let firstPayloadOffset = MemoryLayout<IdempotencyCell>.stride
    static let nextPayloadOffset = MemoryLayout<UInt32>.stride

    /// Cells of an entry with `payloadBytes` of text and rows.
    static func cells(payloadBytes: Int) -> Int {
        let rest = payloadBytes - (cellBytes - firstPayloadOffset)
        let room = cellBytes - nextPayloadOffset
        return rest <= 0 ? 1 : 1 + rest / room + (rest % room == 0 ? 0 : 1)
    }

    /// Cells that can be had. Exact, because all blocks of the arena are cells: free ones join to multiples of a cell.
    var freeCells: Int { arena.bytesFree / Self.cellBytes + arena.bytesLeft / Self.cellBytes }

    func cell(_ head: UInt32) -> UnsafePointer<IdempotencyCell> {
        arena.pointer(to: head).assumingMemoryBound(to: IdempotencyCell.self)
    }

    func writableCell(_ head: UInt32) -> UnsafeMutablePointer<IdempotencyCell> {
        arena.writable(head, units: Self.cellUnits).assumingMemoryBound(to: IdempotencyCell.self)
    }

    /// A chain of `count` cells; of their contents only the references to the next are set.
    func allocateCells(_ count: Int) -> UInt32 {
        var next: UInt32 = 0
        for _ in 1..<count {
            let reference = arena.allocate(units: Self.cellUnits)
            arena.writable(reference, units: Self.cellUnits).storeBytes(of: next, as: UInt32.self)
            next = reference
        }
        let head = arena.allocate(units: Self.cellUnits)
        writableCell(head).pointee.continuation = next
        return head
    }

    func freeCells(of head: UInt32) {
        var next = cell(head).pointee.continuation
        arena.free(head, units: Self.cellUnits)
        while next != 0 {
            let reference = next
            next = arena.pointer(to: reference).load(as: UInt32.self)
            arena.free(reference, units: Self.cellUnits)
        }
    }

    func writePayload(_ head: UInt32, text: String, rows: [UInt8]) {
        var place = PayloadPlace(head, in: self)
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0), at: &place) }
        rows.withUnsafeBytes { write($0, at: &place) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at place: inout PayloadPlace) {
        var offset = 0
        eachPiece(bytes.count, from: &place) { cell, start, length in
            let target = UnsafeMutableRawBufferPointer(
                start: arena.writable(cell, units: Self.cellUnits) + start, count: length)
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
            offset += length
            return true
        }
    }

    /// Whether the entry's text has these bytes, and no more.
    func hasText(_ head: UInt32, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(cell(head).pointee.textBytes) == text.count else { return false }
        var place = PayloadPlace(head, in: self)
        var rest = UnsafeRawPointer(text.baseAddress)
        return eachPiece(text.count, from: &place) { cell, start, length in
            guard let bytes = rest, memcmp(arena.pointer(to: cell) + start, bytes, length) == 0 else { return false }
            rest = bytes + length
            return true
        }
    }

    func readEntry(_ head: UInt32) -> Entry {
        let first = cell(head).pointee
        var place = PayloadPlace(head, in: self)
        eachPiece(Int(first.textBytes), from: &place) { _, _, _ in true }
        var rows: [UInt8] = []
        let rowBytes = StoredAnswer.rowBytes(kind: first.answerKind, value: first.answerValue)
        eachPiece(rowBytes, from: &place) { cell, start, length in
            rows.append(contentsOf: UnsafeRawBufferPointer(start: arena.pointer(to: cell) + start, count: length))
            return true
        }
        guard let kind = StoredAnswer.Kind(rawValue: first.answerKind) else {
            preconditionFailure("the idempotency table holds an answer of kind \(first.answerKind)")
        }
        return Entry(
            fingerprint: first.fingerprint, lsn: first.lsn, milliseconds: first.milliseconds,
            answer: StoredAnswer(kind: kind, value: first.answerValue, rows: rows).answer)
    }

    /// Hands over the next `count` bytes of text and rows piece by piece (cell, offset, length), until `body` says no.
    /// Returns whether it never did.
    @inline(__always) @discardableResult
    private func eachPiece(
        _ count: Int, from place: inout PayloadPlace, _ body: (UInt32, Int, Int) -> Bool
    ) -> Bool {
        var left = count
        while left > 0 {
            if place.offset == Self.cellBytes { place.goOn(in: self) }
            let length = min(left, Self.cellBytes - place.offset)
            guard body(place.cell, place.offset, length) else { return false }
            place.offset += length
            left -= length
        }
        return true
    }

    /// A place in the text and rows of an entry.
    private struct PayloadPlace {
        var cell: UInt32
        var offset: Int
        private var next: UInt32

        init(_ head: UInt32, in table: IdempotencyTable) {
            cell = head
            offset = IdempotencyTable.firstPayloadOffset
            next = table.cell(head).pointee.continuation
        }

        mutating func goOn(in table: IdempotencyTable) {
            cell = next
            offset = IdempotencyTable.nextPayloadOffset
            next = table.arena.pointer(to: cell).load(as: UInt32.self)
        }
    }
}
