import Foundation

/// Compares feeds with what they are by definition: the merge of the posts of all accounts that the reader follows.
enum DaemonPages {
    private struct Posts: Decodable {
        struct Item: Decodable { var id: String }
        var items: [Item]?
    }

    static func check(_ daemon: RunningDaemon, readers: [(user: UInt64, authors: [UInt64])]) throws {
        let http = try HTTPConnection(daemon.http)
        for reader in readers {
            let page = try http.call("GET", FeedPageAnswer.path(user: Int(reader.user)), as: FeedPageAnswer.self)
            var posts: [UInt64] = []
            for author in reader.authors {
                let own = try http.call("GET", "/v1/users/\(author)/posts?limit=50", as: Posts.self)
                posts += (own.items ?? []).compactMap { UInt64($0.id) }
            }
            guard page.ids.compactMap({ UInt64($0) }) == Array(posts.sorted(by: >).prefix(50)) else {
                throw ProgramError(
                    text: "starling: the feed of user \(reader.user) is not the merge of its followees' posts")
            }
        }
    }
}
