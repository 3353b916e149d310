/// Names of the files of a log. Only files with these names are ever touched.
enum LogFiles {
    static let watermark = "watermark"
    static let lock = "lock"
    /// The next segment, made ahead of time; it gets its name when its base is known.
    static let spare = "spare.tmp"
    /// The same, while zeros are written into it.
    static let prepared = "prepared.tmp"
    static let segmentSuffix = ".seg"
    static let indexSuffix = ".index"
    static let temporarySuffix = ".tmp"
    /// Where the log begins since records were removed from its front on purpose.
    static let start = "start"

    static func directory(in directory: String) -> String { directory + "/log" }

    /// `0000000000001001.seg` for the segment whose first record is 1001.
    static func segment(base: UInt64) -> String { digits(base) + segmentSuffix }

    /// The base of a segment's name. Nil for any other name.
    static func base(ofSegment name: String) -> UInt64? {
        guard name.hasSuffix(segmentSuffix) else { return nil }
        guard let base = UInt64(name.dropLast(segmentSuffix.count)), base > 0, segment(base: base) == name else {
            return nil
        }
        return base
    }

    /// `0000000000001001.index` for the index of the segment whose first record is 1001.
    static func index(base: UInt64) -> String { digits(base) + indexSuffix }

    /// The base of an index file's name. Nil for any other name.
    static func base(ofIndex name: String) -> UInt64? {
        guard name.hasSuffix(indexSuffix) else { return nil }
        guard let base = UInt64(name.dropLast(indexSuffix.count)), base > 0, index(base: base) == name else {
            return nil
        }
        return base
    }

    /// Where the bytes go that are cut off a torn segment.
    static func tornCopy(ofSegment name: String, after lsn: UInt64) -> String { name + ".torn-\(lsn)" }

    /// Whether `name` is a half-finished file that this log made.
    static func isLeftover(_ name: String) -> Bool {
        if name == spare || name == prepared { return true }
        guard name.hasSuffix(temporarySuffix) else { return false }
        let whole = String(name.dropLast(temporarySuffix.count))
        if whole == start || base(ofIndex: whole) != nil || base(ofSegment: whole) != nil { return true }
        guard let torn = whole.firstRange(of: ".torn-") else { return false }
        return base(ofSegment: String(whole[..<torn.lowerBound])) != nil
    }

    private static func digits(_ value: UInt64) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, 16 - text.count)) + text
    }
}
