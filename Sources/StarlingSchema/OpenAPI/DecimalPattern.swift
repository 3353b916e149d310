/// Regular expressions for whole numbers in decimal digits: exactly those that the server takes, neither more nor fewer.
enum DecimalPattern {
    /// From 0 to `UInt64.max`.
    static let unsigned64 = "^(0|\(alternatives(upTo: String(UInt64.max))))$"

    /// From 1 to `UInt64.max`.
    static let positive64 = "^(\(alternatives(upTo: String(UInt64.max))))$"

    /// From `Int64.min` to `Int64.max`.
    static let signed64 =
        "^(0|\(alternatives(upTo: String(Int64.max)))|-(\(alternatives(upTo: String(Int64.min.magnitude)))))$"

    /// Numbers from 1 to the one that is written as `greatest`: those with fewer digits, and those that are smaller at some
    /// digit.
    private static func alternatives(upTo greatest: String) -> String {
        let digits = greatest.utf8.map { Int($0) - 48 }
        var cases = ["[1-9][0-9]{0,\(digits.count - 2)}"]
        for place in digits.indices where digits[place] > (place == 0 ? 1 : 0) {
            let prefix = digits[..<place].map(String.init).joined()
            let least = place == 0 ? 1 : 0
            let rest = digits.count - place - 1
            let smaller = digits[place] - 1 == least ? "\(least)" : "[\(least)-\(digits[place] - 1)]"
            cases.append(prefix + smaller + (rest == 0 ? "" : "[0-9]{\(rest)}"))
        }
        return (cases + [greatest]).joined(separator: "|")
    }
}
