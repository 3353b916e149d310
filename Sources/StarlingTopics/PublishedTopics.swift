import Synchronization

/// The topics that there are, as everybody sees them. Any thread.
final class PublishedTopics: Sendable {
    private let topics: Mutex<[TopicName: Topic]>

    init(_ topics: [Topic]) {
        self.topics = Mutex(Dictionary(uniqueKeysWithValues: topics.map { ($0.name, $0) }))
    }

    func add(_ topic: Topic) { topics.withLock { $0[topic.name] = topic } }

    func topic(_ name: TopicName) -> Topic? { topics.withLock { $0[name] } }

    /// By name.
    var all: [Topic] { topics.withLock { Array($0.values) }.sorted { $0.name < $1.name } }
}
