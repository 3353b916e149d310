import StarlingSimulation
import StarlingSystem

/// Something done to one file of a data directory.
struct FlipChange: CustomStringConvertible {
    enum Kind {
        case flip(bit: Int)
        case cut
        case remove
    }

    var path: String
    /// The byte that is changed, or the length that is left.
    var offset: Int
    var kind: Kind

    var description: String {
        switch kind {
        case .flip(let bit): "bit \(bit) of byte \(offset) of \(path) flipped"
        case .cut: "\(path) cut to \(offset) bytes"
        case .remove: "\(path) removed"
        }
    }

    var isFlip: Bool { if case .flip = kind { true } else { false } }

    /// In a run of zeros, such as a segment's preallocated tail or the unused part of a page, the bytes are all alike:
    /// past its first `zeroMargin` bytes only every `zeroStep`-th is tried.
    private static let zeroMargin = 8
    private static let zeroStep = 509

    /// Every change that there is, but for those in runs of zeros, or `count` flips and as many cuts, drawn at random.
    static func all(of base: FlipBase, count: Int?) -> [FlipChange] {
        var random = SeededRandom(seed: base.seed)
        var flips: [FlipChange] = []
        var cuts: [FlipChange] = []
        for (path, bytes) in base.files {
            var zeros = 0
            for (offset, byte) in bytes.enumerated() {
                zeros = byte == 0 ? zeros + 1 : 0
                if zeros > zeroMargin, (zeros - zeroMargin) % zeroStep != 0 { continue }
                let bit = Int.random(in: 0..<8, using: &random)
                flips.append(FlipChange(path: path, offset: offset, kind: .flip(bit: bit)))
                cuts.append(FlipChange(path: path, offset: offset, kind: .cut))
            }
        }
        let removed = base.files.map { FlipChange(path: $0.path, offset: 0, kind: .remove) }
        guard let count else { return flips + cuts + removed }
        return flips.shuffled(using: &random).prefix(count) + cuts.shuffled(using: &random).prefix(count) + removed
    }

    /// Does it.
    func apply(to disk: SimulatedDisk) throws {
        if case .remove = kind { return try disk.remove(path) }
        let file = try disk.open(path, .readWrite)
        defer { file.close() }
        guard case .flip(let bit) = kind else { return try file.truncate(UInt64(offset)) }
        var byte: [UInt8] = [0]
        _ = try byte.withUnsafeMutableBytes { try file.read(into: $0, at: UInt64(offset)) }
        byte[0] ^= 1 << UInt8(bit)
        try byte.withUnsafeBytes { try file.write($0, at: UInt64(offset)) }
    }
}
