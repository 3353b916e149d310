/// What a partition remembers of its idempotent producers: which sequences are stored at which offsets. A fold of the
/// partition's records, so it can be made again from them. Owned by the partition's writer.
struct ProducerTable: Equatable {
    /// Records with ascending sequences at ascending offsets.
    struct Run: Equatable {
        var sequence: UInt64
        var offset: UInt64
        var count: UInt64
    }

    struct Producer: Equatable {
        /// The last runs, oldest first. A producer that is alone makes one long run.
        var runs: [Run]

        var next: UInt64 { runs.last.map { $0.sequence + $0.count } ?? 0 }
        var lastOffset: UInt64 { runs.last.map { $0.offset + $0.count - 1 } ?? 0 }
    }

    private(set) var producers: [UInt64: Producer] = [:]
    private let limit: Int

    /// Runs that are remembered of a producer: requests that may be in flight.
    static let runLimit = 16

    init(limit: Int) { self.limit = max(limit, 8) }

    /// What is to be done with the records of a request.
    enum Verdict: Equatable {
        /// The first of them are stored already, at these offsets; the others are new.
        case append(stored: [UInt64])
        /// The sequence does not go on where the last one ended, or is so old that its offsets are forgotten.
        case outOfOrder(expected: UInt64)
    }

    func check(_ sequence: ProducerSequence, count: Int) -> Verdict {
        let producer = producers[sequence.producer]
        let next = producer?.next ?? 0
        guard sequence.first <= next else { return .outOfOrder(expected: next) }
        var stored: [UInt64] = []
        for number in sequence.first..<min(sequence.first + UInt64(count), next) {
            guard let run = producer?.runs.first(where: { $0.sequence <= number && number - $0.sequence < $0.count })
            else { return .outOfOrder(expected: next) }
            stored.append(run.offset + (number - run.sequence))
        }
        return .append(stored: stored)
    }

    /// Takes notice of a stored record.
    mutating func note(_ sequence: ProducerSequence, offset: UInt64) {
        if producers[sequence.producer] == nil, producers.count >= limit { forgetOldest() }
        producers[sequence.producer, default: Producer(runs: [])].note(sequence.first, offset)
    }

    /// Forgets those who have been silent longest: an eighth, so that the search for them is seldom.
    private mutating func forgetOldest() {
        let last = producers.values.map(\.lastOffset).sorted()
        let bound = last[last.count / 8]
        producers = producers.filter { $0.value.lastOffset > bound }
    }

    // MARK: In a checkpoint

    func encode(into encoder: inout ByteEncoder) {
        encoder.varint(UInt64(producers.count))
        for (id, producer) in producers.sorted(by: { $0.key < $1.key }) {
            encoder.varint(id)
            encoder.varint(UInt64(producer.runs.count))
            for run in producer.runs {
                encoder.varint(run.sequence)
                encoder.varint(run.offset)
                encoder.varint(run.count)
            }
        }
    }

    init?(decoding decoder: inout ByteDecoder, limit: Int) {
        self.init(limit: limit)
        guard let count = decoder.varint(), count <= UInt64(decoder.remaining) else { return nil }
        for _ in 0..<count {
            guard let id = decoder.varint(), let runCount = decoder.varint(), runCount <= UInt64(Self.runLimit) else {
                return nil
            }
            var runs: [Run] = []
            for _ in 0..<runCount {
                guard let sequence = decoder.varint(), let offset = decoder.varint(), let length = decoder.varint(),
                    length > 0, sequence < 1 << 62, offset < 1 << 62, length < 1 << 62
                else { return nil }
                runs.append(Run(sequence: sequence, offset: offset, count: length))
            }
            producers[id] = Producer(runs: runs)
        }
    }
}

extension ProducerTable.Producer {
    fileprivate mutating func note(_ sequence: UInt64, _ offset: UInt64) {
        if let last = runs.last, last.sequence + last.count == sequence, last.offset + last.count == offset {
            runs[runs.count - 1].count += 1
            return
        }
        // Behind a record that was lost the sequence may jump; what is before it is no repetition any more.
        if let last = runs.last, last.sequence + last.count != sequence { runs.removeAll() }
        runs.append(ProducerTable.Run(sequence: sequence, offset: offset, count: 1))
        if runs.count > ProducerTable.runLimit { runs.removeFirst() }
    }
}
