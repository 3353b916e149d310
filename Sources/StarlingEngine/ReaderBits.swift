/// A set of a worker's readers: a bit for each. Owned by the worker's thread.
struct ReaderBits: ~Copyable {
    private var words: UnsafeMutablePointer<UInt64>
    private var wordCount: Int

    /// None of `readerCount` readers.
    init(readerCount: Int) {
        wordCount = readerCount / 64 + 1
        words = .allocate(capacity: wordCount)
        words.initialize(repeating: 0, count: wordCount)
    }

    /// The same readers.
    init(copying other: borrowing ReaderBits) {
        wordCount = other.wordCount
        words = .allocate(capacity: wordCount)
        words.initialize(from: other.words, count: wordCount)
    }

    deinit { words.deallocate() }

    @inline(__always)
    func contains(_ reader: UInt32) -> Bool {
        Int(reader) / 64 < wordCount && words[Int(reader) / 64] & Self.bit(reader) != 0
    }

    mutating func insert(_ reader: UInt32) {
        if Int(reader) / 64 >= wordCount { grow(toHold: Int(reader)) }
        words[Int(reader) / 64] |= Self.bit(reader)
    }

    mutating func remove(_ reader: UInt32) {
        if Int(reader) / 64 < wordCount { words[Int(reader) / 64] &= ~Self.bit(reader) }
    }

    private mutating func grow(toHold reader: Int) {
        let count = max(wordCount * 2, reader / 64 + 1)
        let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
        larger.initialize(from: words, count: wordCount)
        (larger + wordCount).initialize(repeating: 0, count: count - wordCount)
        words.deallocate()
        words = larger
        wordCount = count
    }

    @inline(__always)
    private static func bit(_ reader: UInt32) -> UInt64 { 1 << UInt64(reader % 64) }
}
