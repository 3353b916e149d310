import StarlingSchema
import StarlingTopics

extension Problem {
    /// What the topics refused.
    init(_ error: TopicError) {
        let detail = "\(error)"
        switch error {
        case .invalidName: self = .invalid("name", TopicName.rule)
        case .invalid(let field, let reason): self = .invalid(field, reason)
        case .reservedName: self.init(status: 403, code: "SYSTEM_TOPIC", detail: detail)
        case .exists: self.init(status: 409, code: "TOPIC_EXISTS", detail: detail)
        case .notFound: self.init(status: 404, code: "TOPIC_NOT_FOUND", detail: detail)
        case .partitionNotFound: self.init(status: 404, code: "PARTITION_NOT_FOUND", detail: detail)
        case .recordTooLarge: self.init(status: 413, code: "RECORD_TOO_LARGE", detail: detail)
        case .outOfOrderSequence: self.init(status: 409, code: "OUT_OF_ORDER_SEQUENCE", detail: detail)
        case .offsetOutOfRange(_, _, let offset, let first, _):
            // Gone for ever, or not there yet.
            self.init(status: offset < first ? 410 : 409, code: "OFFSET_OUT_OF_RANGE", detail: detail)
        case .tooManyPartitions: self.init(status: 507, code: "LIMIT_REACHED", detail: detail)
        case .overloaded: self.init(status: 503, code: "OVERLOADED", detail: detail, retryAfterSeconds: 1)
        case .outOfSpace: self.init(status: 507, code: "OUT_OF_SPACE", detail: detail, retryAfterSeconds: 10)
        case .closed: self.init(status: 503, code: "SHUTTING_DOWN", detail: detail, retryAfterSeconds: 5)
        case .unknownOutcome: self.init(status: 500, code: "OUTCOME_UNKNOWN", detail: detail, accepted: nil)
        case .damagedRecord, .damagedFile, .unknownFormat, .missingPartition, .missingCatalogue, .log, .disk:
            self.init(status: 500, code: "INTERNAL", detail: detail)
        }
    }
}
