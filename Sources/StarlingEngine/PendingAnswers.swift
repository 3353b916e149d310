import StarlingLog

/// The answers of a round of the writer, each kept until its level is reached. Owned by the writer's thread.
struct PendingAnswers {
    typealias Completion = @Sendable (Result<WriteReceipt, EngineError>) -> Void

    private struct Answer {
        var completion: Completion
        var result: Result<WriteReceipt, EngineError>
    }

    private var memory: [Answer] = []
    private var os: [Answer] = []
    private var disk: [Answer] = []

    var isEmpty: Bool { memory.isEmpty && os.isEmpty && disk.isEmpty }

    /// Whether some answer leaves at just this level.
    func isAwaiting(_ level: AcknowledgementLevel) -> Bool {
        switch level {
        case .memory: !memory.isEmpty
        case .os: !os.isEmpty
        case .disk: !disk.isEmpty
        }
    }

    /// Keeps an answer until `level` is reached.
    mutating func add(
        _ result: Result<WriteReceipt, EngineError>, at level: AcknowledgementLevel, _ completion: @escaping Completion
    ) {
        let answer = Answer(completion: completion, result: result)
        switch level {
        case .memory: memory.append(answer)
        case .os: os.append(answer)
        case .disk: disk.append(answer)
        }
    }

    /// Gives the answers that wait for `level` or less: in order, but for those that wait for less, which come first.
    mutating func give(at level: AcknowledgementLevel) {
        Self.give(&memory)
        if level >= .os { Self.give(&os) }
        if level >= .disk { Self.give(&disk) }
    }

    private static func give(_ answers: inout [Answer]) {
        for answer in answers { answer.completion(answer.result) }
        answers.removeAll(keepingCapacity: true)
    }

    /// Answers everything that still waits when the log has failed: what was accepted may or may not have happened, what was
    /// refused has not.
    mutating func giveUnknown(because error: LogError) {
        for answer in memory + os + disk {
            switch answer.result {
            case .success: answer.completion(.failure(.unknownOutcome("\(error)")))
            case .failure: answer.completion(answer.result)
            }
        }
        self = PendingAnswers()
    }
}
