import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// Accounts as the schema shows them.
enum AccountMessage {
    static func user(_ id: UserID, _ profile: Profile) -> Starling_V1_User {
        .with {
            $0.id = id.rawValue
            $0.followerCount = UInt64(profile.followerCount)
            $0.followingCount = UInt64(profile.followingCount)
            $0.postCount = UInt64(profile.postCount)
            $0.private = profile.isPrivate
            guard let account = profile.account else { return }
            $0.username = account.username
            $0.displayName = account.displayName
            $0.bio = account.bio
            $0.pictureURL = account.pictureURL
            // The id of a registered account was minted, as those of posts are.
            $0.createdAt = Google_Protobuf_Timestamp(milliseconds: PostID(rawValue: id.rawValue).milliseconds)
        }
    }

    /// What is shown beside a post; only the id of an account that was never registered.
    static func profile(_ id: UserID, _ account: PublicProfile?) -> Starling_V1_UserProfile {
        .with {
            $0.id = id.rawValue
            guard let account else { return }
            $0.username = account.username
            $0.displayName = account.displayName
            $0.pictureURL = account.pictureURL
        }
    }
}
