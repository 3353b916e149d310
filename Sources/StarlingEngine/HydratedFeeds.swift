import StarlingMemory
import StarlingSchema
import SwiftProtobuf

/// Pages of many feeds with what a worker knows of each post besides its body.
public struct HydratedFeedPages: Sendable {
    /// The pages; what follows is by place in its `entries`.
    public internal(set) var pages: FeedPages
    /// What others, and the reader, did with each post.
    public internal(set) var details: [PostDetail] = []
    /// Where the fields of each post's author are in `authorBytes`.
    var authors: [Range<Int>] = []
    var authorBytes: [UInt8] = []

    /// The fields `username` to `picture_url` of the schema's `UserProfile`, in the binary format of Protocol Buffers, of the author
    /// of a post; none for one that was never registered.
    public func authorFields(at place: Int) -> ArraySlice<UInt8> { authorBytes[authors[place]] }
}

extension Engine {
    /// As `feeds`, with what pages say besides the bodies, which `encodedBodies` reads.
    public func hydratedFeeds(
        _ queries: [FeedQuery],
        completion: @escaping @Sendable ([FeedQuery], Result<HydratedFeedPages, EngineError>) -> Void
    ) {
        feeds(queries, completion) { worker, queries in worker.hydratedFeedPages(queries) }
    }
}

extension Worker {
    func hydratedFeedPages(_ queries: [FeedQuery]) -> HydratedFeedPages {
        var hydrated = HydratedFeedPages(pages: feedPages(queries))
        let count = hydrated.pages.entries.count
        hydrated.details.reserveCapacity(count)
        hydrated.authors.reserveCapacity(count)
        for page in hydrated.pages.pages {
            hydrated.details += details(of: hydrated.pages.entries(of: page), for: page.query.user)
        }
        // By the texts' reference, which is another one after each change.
        var known: [UInt32: Range<Int>] = [:]
        for entry in hydrated.pages.entries {
            let author = posts.rows[Int(entry.ordinal)].author
            let reference = Int(author) < profiles.count ? profiles.rows[Int(author)].reference : 0
            guard reference != 0 else {
                hydrated.authors.append(0..<0)
                continue
            }
            if let range = known[reference] {
                hydrated.authors.append(range)
                continue
            }
            let start = hydrated.authorBytes.count
            ProfileFields.append(account: heap.bytes(of: reference), to: &hydrated.authorBytes)
            known[reference] = start..<hydrated.authorBytes.count
            hydrated.authors.append(start..<hydrated.authorBytes.count)
        }
        return hydrated
    }
}

/// From `AccountBody`, as accounts are stored, to the fields of `UserProfile` that anybody may see, both in the binary format of
/// Protocol Buffers.
enum ProfileFields {
    /// The fields that are shown, by their tags in `AccountBody`, with their tags in `UserProfile`. In the order of both.
    private static func shownTag(_ tag: UInt8) -> UInt8? {
        switch tag {
        case 1 << 3 | 2: 2 << 3 | 2
        case 4 << 3 | 2: 3 << 3 | 2
        case 6 << 3 | 2: 4 << 3 | 2
        default: nil
        }
    }

    /// Appends the fields. Through messages a profile took a microsecond; most pages need dozens.
    static func append(account bytes: [UInt8], to output: inout [UInt8]) {
        let start = output.count
        var place = 0
        while place < bytes.count {
            let tag = bytes[place]
            guard tag < 0x80, tag & 7 == 2, let length = length(bytes, place + 1) else {
                output.removeLast(output.count - start)
                return appendDecoded(bytes, to: &output)
            }
            if let shown = shownTag(tag) {
                output.append(shown)
                output.append(contentsOf: bytes[place + 1..<length.upperBound])
            }
            place = length.upperBound
        }
    }

    /// Where the content of a field is whose length stands at `start`; nil when it does not lie in `bytes`.
    private static func length(_ bytes: [UInt8], _ start: Int) -> Range<Int>? {
        var length = 0
        for (count, place) in (start..<min(start + 3, bytes.count)).enumerated() {
            length |= Int(bytes[place] & 0x7f) << (7 * count)
            if bytes[place] < 0x80 {
                return length <= bytes.count - place - 1 ? place + 1..<place + 1 + length : nil
            }
        }
        return nil
    }

    /// The same by way of messages, for an account with fields of a later version.
    private static func appendDecoded(_ bytes: [UInt8], to output: inout [UInt8]) {
        guard let account = AccountBody.parse(bytes) else { return }
        output += MessageCoding.encode(
            Starling_V1_UserProfile.with {
                $0.username = account.username
                $0.displayName = account.displayName
                $0.pictureURL = account.pictureURL
            })
    }
}
