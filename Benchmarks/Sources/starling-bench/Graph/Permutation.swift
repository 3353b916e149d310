/// `i -> multiplier * i + offset` modulo `count`.
struct Permutation {
    let count: Int
    let multiplier: Int
    let inverse: Int
    let offset: Int

    init(count: Int, _ random: inout SplitMix) {
        self.count = count
        offset = random.below(count)
        while true {
            let candidate = 1 + random.below(count - 1)
            guard let inverse = Self.inverse(of: candidate, modulo: count) else { continue }
            multiplier = candidate
            self.inverse = inverse
            return
        }
    }

    func image(of place: Int) -> Int { (multiplier * place + offset) % count }
    func place(of image: Int) -> Int { (image - offset + count) % count * inverse % count }

    /// By the extended Euclidean algorithm; nil when there is none.
    private static func inverse(of number: Int, modulo count: Int) -> Int? {
        var (oldRemainder, remainder) = (number, count)
        var (oldFactor, factor) = (1, 0)
        while remainder != 0 {
            let quotient = oldRemainder / remainder
            (oldRemainder, remainder) = (remainder, oldRemainder - quotient * remainder)
            (oldFactor, factor) = (factor, oldFactor - quotient * factor)
        }
        return oldRemainder == 1 ? (oldFactor % count + count) % count : nil
    }
}
