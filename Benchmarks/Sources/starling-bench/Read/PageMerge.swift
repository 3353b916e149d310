/// Merges lists of ids, each from high to low, into a page.
struct PageMerge {
    private(set) var page: [Int] = []
    private var numbers: [Int] = []
    private var places: [Int] = []
    private var ends: [Int] = []

    /// Takes the lists as Redis sends them.
    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        numbers.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        page.removeAll(keepingCapacity: true)
        RESPScanner.eachNumber(
            bytes,
            list: {
                if !places.isEmpty { ends.append(numbers.count) }
                places.append(numbers.count)
            }, number: { numbers.append($0) })
        ends.append(numbers.count)
        while page.count < RedisPages.pageSize {
            var best = -1
            for list in places.indices where places[list] < ends[list] {
                if best < 0 || numbers[places[list]] > numbers[places[best]] { best = list }
            }
            if best < 0 { return }
            page.append(numbers[places[best]])
            places[best] += 1
        }
    }
}
