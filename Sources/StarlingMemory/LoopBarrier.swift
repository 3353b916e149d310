/// A `WriteBarrier` for a loop in which no cut begins. What does not change in the loop is computed once: fan-out makes
/// tens of millions of deliveries a second, and feels every instruction.
@frozen
public struct LoopBarrier: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let barrier: WriteBarrier
    /// Where the stamp of the page at address 0 would be, so that an address leads to its stamp by a shift.
    @usableFromInline let stampOfAddressZero: UInt
    @usableFromInline let epoch: UInt8

    /// For use until the next cut begins.
    @inlinable @inline(__always)
    public init(_ barrier: WriteBarrier) {
        self.barrier = barrier
        stampOfAddressZero = UInt(bitPattern: barrier.stamps) &- UInt(bitPattern: barrier.base) &>> 12
        epoch = barrier.stamps[-1]
    }

    /// The bytes at `address`, up to the end of its page, are about to change.
    @inlinable @inline(__always)
    public func willWrite(_ address: UnsafeRawPointer) {
        let stamp = stampOfAddressZero &+ UInt(bitPattern: address) &>> 12
        // Never nil: the stamps are mapped memory.
        if UnsafePointer<UInt8>(bitPattern: stamp).unsafelyUnwrapped.pointee != epoch { barrier.willWrite(address) }
    }
}
