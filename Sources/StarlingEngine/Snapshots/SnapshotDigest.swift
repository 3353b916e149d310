import StarlingMemory
import StarlingSnapshots
import StarlingSystem

/// Reads the files of a new snapshot back, to be sure of them and to know the digest of the state that they hold.
///
/// Of a snapshot that holds changes, only the new files are read, and of the older ones what the changed blocks of the digest
/// need. Workers are read one after another, so that no more than one worker's state is mapped a second time.
///
/// Used by the snapshot thread.
final class SnapshotDigest {
    private let loading: SnapshotLoading
    private let users: UserTable
    private let posts: PostTable
    private let heap: ProfileHeap
    /// By worker: the sums of the snapshot that was read last, and the pages that were stored since.
    private var blocks: [DigestBlocks]
    private var pages: [[PageID]]

    init(loading: SnapshotLoading, users: UserTable, posts: PostTable, heap: ProfileHeap) {
        self.loading = loading
        self.users = users
        self.posts = posts
        self.heap = heap
        let workers = loading.configuration.workers
        blocks = Array(repeating: DigestBlocks(), count: workers)
        pages = Array(repeating: [], count: workers)
    }

    /// These pages of an owner are stored in the snapshot to be read next.
    func note(_ ids: UnsafeBufferPointer<PageID>, of owner: Int) {
        if owner > 0 { pages[owner - 1].append(contentsOf: ids) }
    }

    /// Nothing that is known counts: the next snapshot is read as a whole.
    func forget() {
        for worker in blocks.indices {
            blocks[worker] = DigestBlocks()
            pages[worker] = []
        }
    }

    /// The digest of a snapshot whose files are complete, of the kind that `isFull` says. Call `forget` after an error.
    func read(_ manifest: SnapshotManifest, isFull: Bool) throws -> Hash128 {
        if isFull { forget() }
        // The sequencer's state has no part in the digest; its files are compared with their checksums.
        try loading.store.verifyNewestFile(of: manifest.owners[0], in: manifest)
        var sum = Hash128.zero
        for worker in 0..<manifest.workers {
            sum &+= try loading.withWorker(worker, of: manifest, users: users, posts: posts, heap: heap) {
                [self] loaded in
                loaded.forgetSums(of: pages[worker], in: &blocks[worker])
                return loaded.digest(with: &blocks[worker]).digest
            }
            pages[worker] = []
        }
        return sum
    }
}
