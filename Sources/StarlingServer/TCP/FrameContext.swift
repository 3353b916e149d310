import StarlingEngine
import StarlingLog
import StarlingSchema

extension CallContext {
    /// From what came with a TCP frame.
    init(_ context: Starling_V1_RequestContext?) throws(Problem) {
        guard let context else { return }
        actor = context.actorID == 0 ? nil : UserID(rawValue: context.actorID)
        idempotencyKey = context.idempotencyKey.isEmpty ? nil : context.idempotencyKey
        minimumLSN = context.minLsn
        durability = try AcknowledgementLevel.asked(context.durability)
    }
}

extension AcknowledgementLevel {
    /// The level that a request asks for; nil when it does not say.
    static func asked(_ durability: Starling_V1_Durability) throws(Problem) -> AcknowledgementLevel? {
        switch durability {
        case .memory: .memory
        case .os: .os
        case .disk: .disk
        case .unspecified: nil
        case .UNRECOGNIZED: throw .invalid("durability", "it must be MEMORY, OS or DISK")
        }
    }
}
