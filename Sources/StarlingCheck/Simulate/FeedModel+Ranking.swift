import Glibc
import StarlingEngine

extension FeedModel {
    /// Something that a reader did with a post or comment of somebody else.
    struct Interaction {
        var second: UInt64
        var weight: Double
    }

    /// The points of a post in a reader's ranked feed, by the settings' default weights, as of the newest record. From all that ever
    /// happened, with the library's logarithms: so it may differ from the engine's in the sixth decimal.
    func score(_ post: Post, for reader: UInt64) -> Double {
        let affinity = (number(of: reader).flatMap { interactions[[$0, post.author]] } ?? []).reduce(0.0) { sum, past in
            sum + past.weight * exp2((Double(past.second) - Double(seconds)) / (30 * 86_400))
        }
        let place = place(ofPostAt: post.lsn)
        let comments = place.map { self.comments(onPostAt: $0).count } ?? 0
        let reposts = place.map { repostCount(ofPostAt: $0) } ?? 0
        let kind =
            switch post.fact.kind {
            case .text: 0.0
            case .image: 0.25
            case .video: 0.5
            }
        // The milliseconds since a day near by: the sum has only so many digits.
        let age = (Double(PostID(rawValue: post.id).milliseconds) - 1_700_000_000_000) / (6 * 3_600_000)
        return age + log2(1 + Double(post.reactions.count) + 2 * Double(comments + reposts)) + log2(1 + affinity) + kind
    }
}
