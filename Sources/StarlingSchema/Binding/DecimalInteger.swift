/// An integer in decimal digits, as it stands in JSON, in a path or in a query.
struct DecimalInteger {
    /// Why a text is not an integer of up to 64 bits.
    enum Failure: Error {
        /// It is not a number at all.
        case notANumber
        /// It is a number with a fraction.
        case notAnInteger
        /// It needs more than 64 bits.
        case outOfRange
    }

    let isNegative: Bool
    let magnitude: UInt64

    /// Reads digits with an optional minus. With `allowsExponent`, also the other forms that JSON has for an
    /// integer: `1.0`, `25e2`. Leading zeros are refused: an id has one spelling only.
    init(_ text: some Collection<UInt8>, allowsExponent: Bool) throws(Failure) {
        var rest = text[...]
        isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest = rest.dropFirst() }
        let whole = Self.takeDigits(from: &rest)
        guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { throw .notANumber }
        if rest.isEmpty {
            magnitude = try Self.value(of: whole, timesTenTo: 0)
            return
        }
        guard allowsExponent else { throw .notANumber }
        var digits = Array(whole)
        var exponent = 0
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let fraction = Self.takeDigits(from: &rest)
            guard !fraction.isEmpty else { throw .notANumber }
            digits += fraction
            exponent -= fraction.count
        }
        exponent += try Self.takeExponent(from: &rest)
        guard rest.isEmpty else { throw .notANumber }
        while digits.count > 1, digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        let isZero = digits.allSatisfy { $0 == UInt8(ascii: "0") }
        guard isZero || exponent >= 0 else { throw .notAnInteger }
        magnitude = isZero ? 0 : try Self.value(of: digits, timesTenTo: exponent)
    }

    /// The value as an unsigned integer of the width of `Value`. Nil if it does not fit.
    func unsigned<Value: FixedWidthInteger & UnsignedInteger>() -> Value? {
        isNegative && magnitude != 0 ? nil : Value(exactly: magnitude)
    }

    /// The value as a signed integer of the width of `Value`. Nil if it does not fit.
    func signed<Value: FixedWidthInteger & SignedInteger>() -> Value? {
        guard isNegative else { return Value(exactly: magnitude) }
        guard magnitude <= UInt64(1) << 63 else { return nil }
        return Value(exactly: Int64(truncatingIfNeeded: 0 &- magnitude))
    }

    private static func takeDigits<Text: Collection<UInt8>>(from rest: inout Text) -> Text
    where Text.SubSequence == Text {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits
    }

    private static func takeExponent<Text: Collection<UInt8>>(from rest: inout Text) throws(Failure) -> Int
    where Text.SubSequence == Text {
        guard let mark = rest.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") else { return 0 }
        rest = rest.dropFirst()
        let sign = rest.first
        if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let digits = takeDigits(from: &rest)
        guard !digits.isEmpty else { throw .notANumber }
        // Past a million every number is out of range anyway; saturating keeps the sums below from overflowing.
        let size = digits.reduce(0) { min($0 * 10 + Int($1 - UInt8(ascii: "0")), 1_000_000) }
        return sign == UInt8(ascii: "-") ? -size : size
    }

    private static func value(of digits: some Collection<UInt8>, timesTenTo exponent: Int) throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        for digit in digits {
            let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
            let (next, carried) = shifted.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !overflowed, !carried else { throw .outOfRange }
            value = next
        }
        guard value != 0 else { return 0 }
        var exponent = exponent
        while exponent > 0 {
            let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
            guard !overflowed else { throw .outOfRange }
            value = shifted
            exponent -= 1
        }
        return value
    }
}
