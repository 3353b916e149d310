/// Powers and logarithms of 2 by additions, multiplications and divisions alone: IEEE 754 says of each of these what it gives, so
/// every machine folds a log to the same state. What a library's logarithm gives in the last bit is the library's own matter.
enum BinaryLogarithm {
    /// The logarithm of a number of at least 1, off by less than 1e-11.
    static func of(_ number: Double) -> Double {
        var whole = Double(number.exponent)
        var significand = number.significand
        if significand > 1.414_213_562_373_095_1 {
            significand /= 2
            whole += 1
        }
        let ratio = (significand - 1) / (significand + 1)
        let square = ratio * ratio
        var sum = 0.0
        for factor in areaTangents { sum = sum * square + factor }
        return whole + ratio * sum * 2.885_390_081_777_926_8
    }

    /// 2 to the power of `exponent`, off by less than one part in 1e11.
    static func power(_ exponent: Double) -> Double {
        let whole = exponent.rounded(.down)
        let rest = (exponent - whole) * 0.693_147_180_559_945_3
        var sum = 0.0
        for factor in exponentials { sum = sum * rest + factor }
        return Double(sign: .plus, exponent: Int(max(-1_000, min(whole, 1_000))), significand: sum)
    }

    /// 1/13, 1/11, 1/9 and so on to 1: the series of the area tangent.
    private static let areaTangents = stride(from: 13.0, through: 1, by: -2).map { 1 / $0 }

    /// 1/13!, 1/12! and so on to 1/0!: the series of the exponential.
    private static let exponentials = (0...13).reversed().map { 1 / (0..<$0).reduce(1.0) { $0 * Double($1 + 1) } }
}
