/// Bytes that go to a server, put together without allocating once the memory has grown.
struct RequestBytes: ~Copyable {
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// Where the bytes begin that are not sent yet.
    private var start = 0
    private var end = 0

    init() {
        capacity = 4_096
        memory = .allocate(capacity: capacity)
    }

    deinit { memory.deallocate() }

    var isEmpty: Bool { start == end }
    var unsent: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory + start, count: end - start) }

    /// The first `count` bytes are sent.
    mutating func remove(_ count: Int) {
        start += count
        if start == end { (start, end) = (0, 0) }
    }

    private mutating func reserve(_ count: Int) {
        guard end + count > capacity else { return }
        let grown = max(2 * capacity, end + count)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
        larger.update(from: memory, count: end)
        memory.deallocate()
        memory = larger
        capacity = grown
    }

    mutating func append(_ text: StaticString) {
        reserve(text.utf8CodeUnitCount)
        (memory + end).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        end += text.utf8CodeUnitCount
    }

    mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        UnsafeMutableRawPointer(memory + end).copyMemory(from: source, byteCount: bytes.count)
        end += bytes.count
    }

    mutating func append(_ byte: UInt8) {
        reserve(1)
        memory[end] = byte
        end += 1
    }

    mutating func append(littleEndian number: some FixedWidthInteger) {
        let bytes = number.bitWidth / 8
        reserve(bytes)
        UnsafeMutableRawPointer(memory + end).storeBytes(of: number.littleEndian, as: type(of: number))
        end += bytes
    }

    /// Decimal digits.
    mutating func append(decimal number: Int) {
        let count = Self.digits(number)
        reserve(count)
        var rest = number
        for place in stride(from: end + count - 1, through: end, by: -1) {
            memory[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        end += count
    }

    /// Digits of a number in decimal.
    static func digits(_ number: Int) -> Int {
        var (count, rest) = (1, number)
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }
}
