import StarlingEngine

/// The settings of who judges posts.
extension DaemonConfiguration {
    static let moderationSettings: [Setting] = [
        .moderationMode,
        .text("moderation.rules", \.moderationRules),
        .list(Self.moderatorsKey, \.moderators, "the id of a user") { text in
            UInt64(text).flatMap { $0 == 0 ? nil : UserID(rawValue: $0) }
        },
    ]

    static let moderatorsKey = "moderation.moderators"
}

extension DaemonConfiguration.Setting {
    fileprivate static let moderationMode = Self(
        key: "moderation.mode", read: { $0.engine.moderation.rawValue },
        write: { configuration, value in
            guard let mode = ModerationMode(rawValue: value) else { return "it must be off, rules or outside" }
            configuration.engine.moderation = mode
            return nil
        })
}
