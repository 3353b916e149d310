import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct NameIndexTests {
    /// Against a dictionary, with hashes of so few values that cells collide all the time.
    @Test(arguments: 1...8) func findsWhatADictionaryFinds(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var index = NameIndex()
        var model: [UserIndex: UInt64] = [:]
        for _ in 0..<4_000 {
            let user = UserIndex(random.next() % 300)
            if let hash = model[user] {
                index.remove(hash, user)
                model[user] = nil
            } else {
                // Also at the end of the table, so that chains go round.
                let hash = UInt64(bitPattern: Int64(random.next() % 7) - 3)
                index.insert(hash, user)
                model[user] = hash
            }
            let probe = UserIndex(random.next() % 300)
            let found = index.find(model[probe] ?? 0) { $0 == probe }
            #expect(found == (model[probe] == nil ? nil : probe))
            #expect(index.count == model.count)
        }
    }
}
