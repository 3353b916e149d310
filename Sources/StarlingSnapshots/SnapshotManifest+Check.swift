extension SnapshotManifest {
    /// The first thing that is impossible or contradicts itself in this manifest, found without a look at any other file.
    /// Nil when nothing is.
    public var contradiction: String? {
        if logID == 0 { return "log id 0" }
        if lsn == 0 || lsn > SnapshotLimits.highestLSN { return "lsn \(lsn) is out of range" }
        if logMilliseconds > UInt64(Int64.max) { return "time \(logMilliseconds) ms is out of range" }
        if !(1...SnapshotLimits.workers).contains(workers) { return "\(workers) workers are out of range" }
        if !(1...Int(Int32.max)).contains(timelineCap) { return "timeline cap \(timelineCap) is out of range" }
        let digits = stateDigest.utf8.count
        if digits == 0 || digits > SnapshotLimits.digestDigits || !isLowercaseHexadecimal(stateDigest) {
            return "the state digest is not of lowercase hexadecimal digits"
        }
        // Compared without a sum: both sides may come from a damaged file.
        if owners.count - 1 != workers { return "\(owners.count) owners do not fit \(workers) workers" }
        for (number, owner) in owners.enumerated() {
            if let reason = owner.contradiction(number: number, lsn: lsn) { return "owner \(number): \(reason)" }
        }
        return nil
    }
}

extension SnapshotOwner {
    fileprivate func contradiction(number: Int, lsn: UInt64) -> String? {
        if regions.count > SnapshotLimits.regions { return "\(regions.count) regions" }
        if values.count > SnapshotLimits.values { return "\(values.count) values" }
        var names: Set<String> = []
        for region in regions {
            if !isName(region.name) { return "a region's name is empty, too long, or has wrong characters" }
            if !names.insert(region.name).inserted { return "two regions are called \(region.name)" }
            let limit = SnapshotLimits.regionPages * SnapshotLimits.pageBytes
            if !(0...limit).contains(region.byteCount) { return "region \(region.name) has \(region.byteCount) bytes" }
        }
        if !values.keys.allSatisfy(isName) { return "a value's name is empty, too long, or has other characters" }
        if PageSet.total(regions.map { SnapshotLimits.pages(holding: $0.byteCount) }) == nil { return "too many pages" }
        return filesContradiction(number: number, lsn: lsn)
    }

    private func filesContradiction(number: Int, lsn: UInt64) -> String? {
        if !(1...SnapshotLimits.filesPerOwner).contains(files.count) { return "\(files.count) page files" }
        var previous: UInt64 = 0
        for (index, file) in files.enumerated() {
            guard let name = SnapshotFiles.identity(ofPages: file.name) else { return "no name of a page file" }
            if let reason = file.contradiction { return "\(file.name): \(reason)" }
            if name.owner != number { return "\(file.name) is a file of another owner" }
            if name.lsn > lsn { return "\(file.name) is newer than the snapshot" }
            if name.lsn <= previous { return "\(file.name) is not newer than the file before it" }
            if file.kind != (index == 0 ? .image : .changes) { return "\(file.name) is not an image, then changes" }
            previous = name.lsn
        }
        return nil
    }

    /// Whether `text` can be a name of a region or a value.
    private func isName(_ text: String) -> Bool {
        guard (1...SnapshotLimits.nameBytes).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
    }
}
