/// What goes over a connection, and how a whole answer is known.
protocol LoadDialect: SendableMetatype {
    /// What a connection, by its number, sends before the first request; all of the answer to it is read before the load
    /// begins.
    func greeting(connection: Int) -> [UInt8]
    /// The length of the answer to the greeting at the front of `bytes`; nil when it is not all there.
    func greetingAnswer(_ bytes: UnsafeRawBufferPointer) throws -> Int?
    /// Appends a request. `slot` tells the requests of a connection apart that are unanswered.
    mutating func append(slot: Int, connection: Int, to bytes: inout RequestBytes)
    /// The answer at the front of `bytes`; nil when it is not all there. Throws when it says that the request failed.
    mutating func answer(_ bytes: UnsafeRawBufferPointer) throws -> LoadAnswer?
}

/// A whole answer.
struct LoadAnswer {
    var length: Int
    /// The slot of its request; nil when answers come in the order of the requests.
    var slot: Int?
}
