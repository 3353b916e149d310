import StarlingSystem

/// The part of a record that can be erased, as it comes with a fact. Valid only during the call that hands it out.
struct FactBody {
    /// Nil when there is none, or when it was erased.
    var bytes: UnsafeRawBufferPointer?
    /// Of bytes that were erased; else it need not be known.
    var hash: Hash128

    static var none: FactBody { FactBody(bytes: nil, hash: .zero) }

    init(bytes: UnsafeRawBufferPointer?, hash: Hash128) {
        self.bytes = bytes
        self.hash = hash
    }

    /// A body that is being written.
    init(_ bytes: UnsafeRawBufferPointer?) { self.init(bytes: bytes, hash: .zero) }
}
