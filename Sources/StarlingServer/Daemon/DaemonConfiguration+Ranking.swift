import StarlingEngine

/// The settings of ranked feeds. All of them can change while the daemon runs.
extension DaemonConfiguration {
    static let rankingSettings: [Setting] = [
        .number("ranking.candidates", \.engine.ranking.candidates, 1...RankingSettings.candidatesLimit),
        .number("ranking.halfLifeSeconds", \.engine.ranking.halfLifeSeconds, 1...UInt32.max),
        .weight("ranking.recencyWeight", \.engine.ranking.recencyWeight),
        .weight("ranking.engagementWeight", \.engine.ranking.engagementWeight),
        .weight("ranking.affinityWeight", \.engine.ranking.affinityWeight),
        .weight("ranking.textWeight", \.engine.ranking.textWeight),
        .weight("ranking.imageWeight", \.engine.ranking.imageWeight),
        .weight("ranking.videoWeight", \.engine.ranking.videoWeight),
    ]
}

extension DaemonConfiguration.Setting {
    fileprivate static func weight(
        _ key: String, _ path: any WritableKeyPath<DaemonConfiguration, Double> & Sendable
    ) -> Self {
        Self(key: key, read: { String($0[keyPath: path]) }) { configuration, value in
            let range = 0...RankingSettings.weightLimit
            guard let weight = RuntimeSettings.decimal(value), range.contains(weight) else {
                return "it must be a decimal number from 0 to \(Int(range.upperBound))"
            }
            configuration[keyPath: path] = weight
            return nil
        }
    }
}
