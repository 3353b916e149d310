import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Random reactions, comments, changes, reposts and read marks against the plainest model, with crashes, snapshots, and another
/// number of workers after each restart.
@Suite struct EngagementRandomTests {
    @Test(arguments: 1...4)
    func countersEqualTheirDefinition(seed: Int) throws {
        var run = try Run(seed: UInt64(seed))
        for _ in 0..<3_000 { try run.operate() }
        try run.check()
        let live = try run.fixture.digest()
        for workers in [1, 2, 5] {
            try run.fixture.restart(workers: workers)
            #expect(try run.fixture.digest() == live, "with \(workers) workers")
        }
        // Without its snapshots too.
        run.fixture.configuration.snapshots.isEnabled = false
        try run.fixture.restart(workers: 3)
        #expect(try run.fixture.digest() == live)
        try run.check()
    }

    struct Run {
        struct Content {
            var id: PostID
            var author: UInt64
            /// Of a comment the place of its post.
            var post: Int?
            var text: String
            var isDeleted = false
            var reactions: [UInt64: ReactionKind] = [:]
            var repostOf: Int?
        }

        let fixture: EngineFixture
        var random: SeededRandom
        var contents: [Content] = []
        static let users: UInt64 = 25

        init(seed: UInt64) throws {
            random = SeededRandom(seed: seed)
            var configuration = EngineFixture.smallConfiguration(workers: 1 + Int(seed) % 3)
            configuration.snapshots.records = 150
            configuration.notificationsKept = 10
            fixture = try EngineFixture(configuration, seed: seed)
        }

        private mutating func user() -> UInt64 { UInt64.random(in: 1...Self.users, using: &random) }

        private mutating func place(_ isWanted: (Content) -> Bool) -> Int? {
            contents.indices.filter { isWanted(contents[$0]) && isThere($0) }.randomElement(using: &random)
        }

        private func isThere(_ place: Int) -> Bool {
            !contents[place].isDeleted && contents[place].post.map { !contents[$0].isDeleted } ?? true
        }

        mutating func operate() throws {
            fixture.time.advance(milliseconds: UInt64.random(in: 0...2, using: &random))
            switch Int.random(in: 0..<1_000, using: &random) {
            case 0..<100: try post()
            case 100..<600: try react()
            case 600..<800: try comment()
            case 800..<860: try deleteSomething()
            case 860..<920: try changeSomething()
            case 920..<960: try fixture.changed(.markRead(upTo: nil), as: user())
            case 960..<985: try check(place { _ in true })
            default: try restart()
            }
        }

        private mutating func post() throws {
            let author = user()
            var new = NewPost(author: UserID(rawValue: author), text: "post \(contents.count)")
            let original = Bool.random(using: &random) ? place { $0.post == nil } : nil
            new.repostOf = original.map { contents[$0].id }
            guard case .post(let id) = try fixture.run(.createPost(new), as: author).outcome else { return }
            contents.append(Content(id: id, author: author, text: new.text, repostOf: original))
        }

        private mutating func react() throws {
            let isComment = Bool.random(using: &random)
            guard let place = place({ ($0.post != nil) == isComment }) else { return }
            let kind: ReactionKind? =
                Bool.random(using: &random) ? ReactionKind.allCases.randomElement(using: &random) : nil
            let user = user()
            let id = contents[place].id
            let changed = try fixture.react(user, isComment ? .comment(id) : .post(id), kind)
            #expect(changed == (contents[place].reactions[user] != kind))
            contents[place].reactions[user] = kind
        }

        private mutating func comment() throws {
            guard let post = place({ $0.post == nil }) else { return }
            let author = user()
            let text = "comment \(contents.count)"
            let id = try fixture.comment(author, on: contents[post].id, text)
            #expect(contents.allSatisfy { $0.id < id })
            contents.append(Content(id: id, author: author, post: post, text: text))
        }

        private mutating func deleteSomething() throws {
            guard let place = place({ _ in true }) else { return }
            if contents[place].post == nil {
                try fixture.delete(contents[place].id, as: contents[place].author)
            } else {
                try fixture.changed(.deleteComment(contents[place].id), as: contents[place].author)
            }
            contents[place].isDeleted = true
        }

        private mutating func changeSomething() throws {
            guard let place = place({ _ in true }) else { return }
            contents[place].text = "changed \(UInt32.random(in: 0...UInt32.max, using: &random))"
            let content = contents[place]
            if content.post == nil {
                _ = try fixture.edit(content.id, as: content.author, content.text)
            } else {
                try fixture.changed(.editComment(content.id, content.text), as: content.author)
            }
        }

        private mutating func restart() throws {
            let crash: CrashMode? = [nil, .loseUnsynced, .randomSectors].randomElement(using: &random) ?? nil
            try fixture.restart(crash: crash, workers: Int.random(in: 1...4, using: &random))
        }

        mutating func check() throws {
            for place in contents.indices { try check(place) }
        }

        private func check(_ found: Int?) throws {
            guard let place = found else { return }
            let content = contents[place]
            let counts = try fixture.counts(content.id)
            for kind in ReactionKind.allCases {
                #expect(counts[kind] == content.reactions.values.count { $0 == kind })
            }
            #expect(counts.comments == contents.count { $0.post == place && !$0.isDeleted })
            #expect(counts.reposts == contents.count { $0.repostOf == place && !$0.isDeleted })
            guard isThere(place), content.post == nil else { return }
            #expect(try fixture.text(content.id) == content.text)
            let comments = contents.filter { $0.post == place && !$0.isDeleted }.map(\.id)
            #expect(try fixture.comments(content.id, limit: 1_000) == comments.reversed())
            let reactors = try fixture.reactors(content.id, limit: 7)
            #expect(Dictionary(uniqueKeysWithValues: reactors.map { ($0.user.rawValue, $0.kind) }) == content.reactions)
        }
    }
}
