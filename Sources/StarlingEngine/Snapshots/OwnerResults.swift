import StarlingSnapshots
import Synchronization

/// Collects what loading each owner came to, from several threads.
final class OwnerResults: Sendable {
    private let results: Mutex<[Result<OwnerImage, any Error>?]>

    init(count: Int) { results = Mutex(Array(repeating: nil, count: count)) }

    func set(_ place: Int, _ result: Result<OwnerImage, any Error>) { results.withLock { $0[place] = result } }

    /// The images in the order of the owners, or the first error.
    func all() throws -> [OwnerImage] { try results.withLock { try $0.compactMap { try $0?.get() } } }
}
