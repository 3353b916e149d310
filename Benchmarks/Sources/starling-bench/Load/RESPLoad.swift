/// Commands of Redis; a request may be several of them in one go.
struct RESPLoad: LoadDialect {
    let commandsPerRequest: Int
    let appendRequest: (inout RequestBytes) -> Void
    /// Gets the bytes of all answers to a request.
    var inspect: ((UnsafeRawBufferPointer) -> Void)?

    func greeting(connection: Int) -> [UInt8] { [] }
    func greetingAnswer(_ bytes: UnsafeRawBufferPointer) -> Int? { 0 }

    mutating func append(slot: Int, connection: Int, to bytes: inout RequestBytes) { appendRequest(&bytes) }

    mutating func answer(_ bytes: UnsafeRawBufferPointer) throws -> LoadAnswer? {
        var place = 0
        for _ in 0..<commandsPerRequest {
            guard let next = try RESPScanner.end(of: bytes, from: place) else { return nil }
            place = next
        }
        inspect?(UnsafeRawBufferPointer(rebasing: bytes[..<place]))
        return LoadAnswer(length: place, slot: nil)
    }
}
