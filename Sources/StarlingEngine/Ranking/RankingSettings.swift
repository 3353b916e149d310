/// By what a ranked feed is ordered. A post's score is a sum of points:
///
/// * recency: `recencyWeight` for each `halfLifeSeconds` by which the post is younger than another one;
/// * engagement: `engagementWeight` for each doubling of 1 + reactions + twice (comments + reposts);
/// * affinity: `affinityWeight` for each doubling of 1 + what the reader did with the author's posts and comments;
/// * kind: as many as the settings give to posts with words, a picture or a film.
///
/// So with the defaults a post that is six hours older has to have twice the engagement to stand in the same place.
public struct RankingSettings: Sendable, Hashable {
    /// The newest posts of the feed that are ranked; older ones follow them, newest first. 1 to `candidatesLimit`.
    public var candidates = 300
    /// See above. At least 1.
    public var halfLifeSeconds: UInt32 = 6 * 3_600
    /// See above. 0 to `weightLimit`, as all weights.
    public var recencyWeight = 1.0
    /// See above.
    public var engagementWeight = 1.0
    /// See above.
    public var affinityWeight = 1.0
    /// Points for posts of words only.
    public var textWeight = 0.0
    /// Points for posts with a picture.
    public var imageWeight = 0.25
    /// Points for posts with a film.
    public var videoWeight = 0.5

    /// A cursor names all candidates that are still to come, so they are not many.
    public static let candidatesLimit = 1_000
    /// A weight is no greater.
    public static let weightLimit = 1_000.0

    /// Creates the defaults.
    public init() {}

    /// The first setting that is out of range, in words, or nil.
    var problem: String? {
        if !(1...Self.candidatesLimit).contains(candidates) {
            return "ranking.candidates is \(candidates); it must be 1 to \(Self.candidatesLimit)"
        }
        if halfLifeSeconds < 1 { return "ranking.halfLifeSeconds is 0; it must be at least 1" }
        let weights = [recencyWeight, engagementWeight, affinityWeight, textWeight, imageWeight, videoWeight]
        for weight in weights where !(0...Self.weightLimit).contains(weight) {
            return "a weight of ranking is \(weight); it must be 0 to \(Self.weightLimit)"
        }
        return nil
    }

    /// Points of a post.
    ///
    /// - Parameters:
    ///   - milliseconds: when it was made, since 1970.
    ///   - counts: what others did with it.
    ///   - affinity: what the reader did with what the author wrote, decayed.
    ///   - kind: what the post was made as.
    func score(milliseconds: UInt64, counts: PostCounts, affinity: Double, kind: PostKind) -> Double {
        let age = recencyWeight * Double(milliseconds) / (Double(halfLifeSeconds) * 1_000)
        let count = counts.reactions + 2 * (counts.comments + counts.reposts)
        // Most posts have none, and most authors are nobody's friends: no logarithm is taken of 1.
        let engagement = count == 0 ? 0 : engagementWeight * BinaryLogarithm.of(Double(1 + count))
        let closeness = affinity == 0 ? 0 : affinityWeight * BinaryLogarithm.of(1 + affinity)
        return age + engagement + closeness + weight(of: kind)
    }

    private func weight(of kind: PostKind) -> Double {
        switch kind {
        case .text: textWeight
        case .image: imageWeight
        case .video: videoWeight
        }
    }
}
