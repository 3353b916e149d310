import StarlingSchema

extension Starling_V1_Durability {
    /// From the name of a level.
    init(level: String) {
        self =
            switch level {
            case "disk": .disk
            case "os": .os
            default: .memory
            }
    }

    /// As the header `X-Durability` says it; nil for unspecified.
    var header: String? {
        switch self {
        case .memory: "memory"
        case .os: "os"
        case .disk: "disk"
        case .unspecified, .UNRECOGNIZED: nil
        }
    }

    /// Whether it promises at least what `other` does.
    func covers(_ other: Starling_V1_Durability) -> Bool { rawValue >= other.rawValue }
}
