import Synchronization

/// What the topics' writer is asked to do.
enum TopicSubmission: Sendable {
    case create(TopicName, TopicSettings, @Sendable (Result<CreatedTopic, TopicError>) -> Void)
    case produce(ProduceRequest, @Sendable (Result<ProduceReceipt, TopicError>) -> Void)

    var bytes: Int {
        switch self {
        case .create: 1_024
        case .produce(let request, _): request.bytes
        }
    }

    func fail(_ error: TopicError) {
        switch self {
        case .create(_, _, let completion): completion(.failure(error))
        case .produce(_, let completion): completion(.failure(error))
        }
    }
}

/// A bounded queue from many threads to the topics' writer, who takes everything at once.
final class SubmissionQueue: Sendable {
    private struct State {
        var submissions: [TopicSubmission] = []
        var bytes = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let byteLimit: Int

    init(limit: Int, byteLimit: Int) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// Why the submission was not taken, or nil.
    func offer(_ submission: TopicSubmission) -> TopicError? {
        let bytes = submission.bytes
        return state.withLock { state in
            if state.isClosed { return .closed }
            // An empty queue takes a request of any size, or a large one could never pass.
            if state.submissions.count >= limit || (state.bytes + bytes > byteLimit && !state.submissions.isEmpty) {
                return .overloaded(retryAfterMilliseconds: 50)
            }
            state.submissions.append(submission)
            state.bytes += bytes
            return nil
        }
    }

    func takeAll(into target: inout [TopicSubmission]) {
        state.withLock { state in
            swap(&state.submissions, &target)
            state.submissions.removeAll(keepingCapacity: true)
            state.bytes = 0
        }
    }

    /// Refuses everything from now on. What is queued stays.
    func close() { state.withLock { $0.isClosed = true } }
}
