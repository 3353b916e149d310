import StarlingSystem
import StarlingTopics
import Synchronization

/// The topics' and the recorder's threads.
extension Engine {
    /// Opens the topics, and the recorder when it is wanted. Before any thread runs; `posts` holds what was replayed.
    static func openTopics(
        directory: String, configuration: EngineConfiguration, environment: EngineEnvironment, posts: PostTable,
        users: UserTable
    ) throws(EngineOpenError) -> (topics: Topics, feedEvents: FeedEventRecorder?) {
        do throws(TopicError) {
            let topics = try Topics.open(
                directory: directory, disk: environment.disk, time: environment.time,
                // Not the log's own: two logs must not get one id.
                seed: environment.seed ^ 0x746f_7069_6373, configuration: configuration.topics)
            do throws(TopicError) {
                guard let topic = try openFeedEvents(topics, configuration, environment) else { return (topics, nil) }
                do throws(TopicError) {
                    let recorder = try FeedEventRecorder(
                        topic, posts: posts, users: users, time: environment.time,
                        keptRows: configuration.deliveryRecords)
                    return (topics, recorder)
                } catch {
                    // The first error is the one to report, here and below.
                    try? topic.close(clean: false)
                    throw error
                }
            } catch {
                try? topics.close(clean: false)
                throw error
            }
        } catch {
            throw .topics(error)
        }
    }

    /// Nil when it is not wanted, or cannot be made for lack of space.
    private static func openFeedEvents(
        _ topics: Topics, _ configuration: EngineConfiguration, _ environment: EngineEnvironment
    ) throws(TopicError) -> SystemTopicWriter? {
        guard configuration.feedEvents else { return nil }
        do throws(TopicError) {
            let settings = TopicSettings(
                partitions: configuration.feedEventPartitions, retention: configuration.topics.retention)
            return try topics.takeSystemTopic(.feedEvents, settings)
        } catch {
            guard case .outOfSpace = error else { throw error }
            environment.notify(EngineNotice(.warning, "feed-events: \(error); its records come after the next start"))
            return nil
        }
    }

    func runTopics() {
        topics.run()
        if let failure = topics.failure { fail(failure) }
    }

    func runFeedEvents(_ recorder: FeedEventRecorder) {
        SystemThread.lowerCurrentPriority()
        do throws(TopicError) {
            try recorder.run(askForRows)
        } catch {
            fail(error)
        }
    }

    private func fail(_ error: TopicError) {
        topicsFailure.withLock { $0 = $0 ?? error }
        reportFailure("\(error)")
    }

    /// One step of both, for `Execution.manual`.
    func stepTopics() -> Bool {
        var worked = topics.step()
        if let failure = topics.failure { fail(failure) }
        guard let feedEvents, topicsFailure.withLock({ $0 == nil }) else { return worked }
        do throws(TopicError) {
            if try feedEvents.step(askForRows) { worked = true }
        } catch {
            fail(error)
        }
        return worked
    }

    /// Ends and closes the topics. When the workers have ended, or refuse what is asked of them.
    func closeTopics(clean: Bool) throws(TopicError) {
        var first: TopicError?
        do { try feedEvents?.close(clean: clean) } catch { first = error }
        do { try topics.close(clean: clean) } catch { first = first ?? error }
        if let first { throw first }
    }

    private func askForRows(
        of posts: ClosedRange<PostOrdinal>, at lsn: UInt64,
        _ completion: @escaping @Sendable ([FeedEventRecorder.Rows]?) -> Void
    ) {
        let answer: @Sendable (Result<[FeedEventRecorder.Rows], EngineError>) -> Void = { completion(try? $0.get()) }
        onAllWorkers(minimumLSN: lsn, waitNanoseconds: Self.fanoutWaitNanoseconds, answer, { $0 }) { worker in
            FeedEventRecorder.Rows(
                rows: posts.map { worker.deliveryRow(of: $0) }, finished: worker.deliveredCount(of: posts),
                held: posts.filter { worker.isHeld($0) })
        }
    }

    /// How long the workers may take to finish a range of posts; then it is asked for again.
    private static let fanoutWaitNanoseconds: UInt64 = 60_000_000_000
}
