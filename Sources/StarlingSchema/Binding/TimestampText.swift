/// A moment as RFC 3339 text, in seconds and nanoseconds since 1970: the JSON form of `google.protobuf.Timestamp`.
struct TimestampText: Equatable {
    var seconds: Int64
    var nanoseconds: Int32

    /// From the year 1 to the end of the year 9999.
    static let secondsRange: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    init(seconds: Int64, nanoseconds: Int32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// Reads `2026-01-02T03:04:05.678Z` or the same with an offset such as `+01:00`. Nil if it is anything else, or
    /// not in the calendar, or not in `secondsRange`.
    init?(_ text: some Collection<UInt8>) {
        var scanner = Scanner(rest: Array(text)[...])
        guard let year = scanner.digits(4), scanner.take("-"), let month = scanner.digits(2), scanner.take("-"),
            let day = scanner.digits(2), scanner.take("T") || scanner.take("t"),
            let hour = scanner.digits(2), scanner.take(":"), let minute = scanner.digits(2), scanner.take(":"),
            let second = scanner.digits(2), let nanoseconds = scanner.fraction(), let offset = scanner.offset(),
            scanner.rest.isEmpty
        else { return nil }
        guard year >= 1, (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, ofYear: year),
            hour < 24, minute < 60, second < 60
        else { return nil }
        let days = Self.days(toYear: year, month: month, day: day)
        let seconds = Int64(days * 86_400 + hour * 3_600 + minute * 60 + second - offset)
        guard Self.secondsRange.contains(seconds) else { return nil }
        self.init(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// Appends the text in UTC, with as many groups of three digits of the fraction as it needs. Moments outside
    /// `secondsRange` are moved to its nearer end.
    func append(to output: inout [UInt8]) {
        let clamped = min(max(seconds, Self.secondsRange.lowerBound), Self.secondsRange.upperBound)
        let days = clamped >= 0 ? clamped / 86_400 : (clamped - 86_399) / 86_400
        let secondOfDay = Int(clamped - days * 86_400)
        let (year, month, day) = Self.date(fromDays: Int(days))
        Self.append(year, digits: 4, to: &output)
        output.append(UInt8(ascii: "-"))
        Self.append(month, digits: 2, to: &output)
        output.append(UInt8(ascii: "-"))
        Self.append(day, digits: 2, to: &output)
        output.append(UInt8(ascii: "T"))
        Self.append(secondOfDay / 3_600, digits: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        Self.append(secondOfDay / 60 % 60, digits: 2, to: &output)
        output.append(UInt8(ascii: ":"))
        Self.append(secondOfDay % 60, digits: 2, to: &output)
        appendFraction(to: &output)
        output.append(UInt8(ascii: "Z"))
    }

    private func appendFraction(to output: inout [UInt8]) {
        let fraction = Int(min(max(nanoseconds, 0), 999_999_999))
        guard fraction != 0 else { return }
        output.append(UInt8(ascii: "."))
        if fraction % 1_000_000 == 0 {
            Self.append(fraction / 1_000_000, digits: 3, to: &output)
        } else if fraction % 1_000 == 0 {
            Self.append(fraction / 1_000, digits: 6, to: &output)
        } else {
            Self.append(fraction, digits: 9, to: &output)
        }
    }

    private static func append(_ value: Int, digits: Int, to output: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    private static func days(inMonth month: Int, ofYear year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
    /// algorithms", days_from_civil). Years begin in March, so that the leap day is the last of the year.
    private static func days(toYear year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The date so many days after 1970-01-01 (the same source, civil_from_days). Not before the year 0.
    private static func date(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func digits(_ count: Int) -> Int? {
            guard rest.count >= count else { return nil }
            var value = 0
            for byte in rest.prefix(count) {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            rest.removeFirst(count)
            return value
        }

        /// Nanoseconds: a point and one to nine digits, or nothing.
        mutating func fraction() -> Int32? {
            guard take(".") else { return 0 }
            let count = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
            guard (1...9).contains(count), var value = digits(count) else { return nil }
            for _ in count..<9 { value *= 10 }
            return Int32(value)
        }

        /// Seconds east of UTC.
        mutating func offset() -> Int? {
            if take("Z") || take("z") { return 0 }
            let isWest = rest.first == UInt8(ascii: "-")
            guard take("+") || take("-"), let hours = digits(2), take(":"), let minutes = digits(2),
                hours < 24, minutes < 60
            else { return nil }
            return (hours * 3_600 + minutes * 60) * (isWest ? -1 : 1)
        }
    }
}
