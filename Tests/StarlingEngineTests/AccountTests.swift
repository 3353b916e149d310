import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

extension EngineFixture {
    static func account(_ name: String, email: String? = nil, hash: String = "hash") -> Command {
        .account(.register(NewAccount(username: name, email: email ?? "\(name)@example.org", passwordHash: hash)))
    }

    @discardableResult
    func register(_ name: String, email: String? = nil, hash: String = "hash", key: String? = nil) throws -> UInt64 {
        let receipt = try run(Self.account(name, email: email, hash: hash), as: 0, key: key)
        guard case .account(let id) = receipt.outcome else { throw UnexpectedOutcome() }
        return id.rawValue
    }

    func find(_ name: AccountName) throws -> AccountRecord? {
        try read { engine.findAccount(name, completion: $0) }
    }

    func deleteAccount(_ user: UInt64) throws -> Bool {
        guard case .deleted(let changed) = try run(.account(.delete), as: user).outcome else {
            throw UnexpectedOutcome()
        }
        return changed
    }

    func snapshot() throws { _ = try read { engine.snapshot(completion: $0) } }

    func texts(_ user: UInt64) throws -> PublicProfile? {
        try read { engine.profiles(of: [UserID(rawValue: user)], minimumLSN: engine.publishedLSN, completion: $0) }[0]?
            .account
    }
}

@Suite struct AccountTests {
    @Test func aNameIsGivenToOneOfManyWhoAskAtOnce() throws {
        let fixture = try EngineFixture.small()
        let names = ["Bob", "bob", "BOB", "bOb"]
        let asked = (0..<200).map { number in
            fixture.submit(EngineFixture.account(names[number % 4], email: "a\(number)@example.org"), as: 0)
        }
        fixture.settle()
        let results = try asked.map { try $0.value() }
        #expect(results.filter { if case .success = $0 { true } else { false } }.count == 1)
        #expect(results.filter { $0.errorName == "taken" }.count == 199)
        #expect(try fixture.find(.username("boB"))?.email == "a0@example.org")
    }

    @Test func anAddressIsGivenToOneOfManyWhoAskAtOnce() throws {
        let fixture = try EngineFixture.small()
        let asked = (0..<100).map { number in
            let email = number % 2 == 0 ? "Bob@Example.org" : "bob@example.ORG"
            return fixture.submit(EngineFixture.account("name\(number)", email: email), as: 0)
        }
        fixture.settle()
        #expect(try asked.filter { try $0.value().errorName == "taken" }.count == 99)
        #expect(try fixture.find(.email("BOB@example.org"))?.profile.username == "name0")
    }

    @Test func idsRiseWithPostsAndPassOverIdsInUse() throws {
        let fixture = try EngineFixture.small()
        let first = try fixture.register("first")
        // The ids that the next registrations would get, taken by accounts that nobody registered.
        for step in 1...3 { try fixture.follow(first + UInt64(step) << PostIDMint.slotBits, 1) }
        let second = try fixture.register("second")
        #expect(second == first + 4 << PostIDMint.slotBits)
        #expect(try fixture.post(second).rawValue > second)
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.register("third") > second)
    }

    @Test(arguments: [
        ("", "a@b.c", "username"), ("a b", "a@b.c", "username"), ("ä", "a@b.c", "username"),
        (String(repeating: "a", count: 31), "a@b.c", "username"), ("a-b", "a@b.c", "username"),
        ("a\n", "a@b.c", "username"), ("ok", "", "email"), ("ok", "a", "email"), ("ok", "a@b@c", "email"),
        ("ok", "@b.c", "email"), ("ok", "a@", "email"), ("ok", "a@-b.c", "email"), ("ok", "a@b..c", "email"),
        ("ok", "a b@c.d", "email"), ("ok", "a@b.c\r\nBcc: x@y.z", "email"),
    ])
    func textsMustKeepTheRules(name: String, email: String, field: String) throws {
        let fixture = try EngineFixture.small()
        #expect(try fixture.refusal(EngineFixture.account(name, email: email), as: 0) == "invalid(\(field))")
        #expect(fixture.engine.publishedLSN == 0)
    }

    @Test func aRepeatedKeyGivesTheFirstAccountAlsoAfterAnotherTookItsPlace() throws {
        let fixture = try EngineFixture.small()
        let first = try fixture.register("bob", key: "k")
        #expect(try fixture.register("bob", key: "k") == first)
        let update = ProfileUpdate(bio: "words")
        try fixture.run(.account(.changeProfile(update)), as: first, key: "p")
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.register("bob", key: "k") == first)
        #expect(try fixture.run(.account(.changeProfile(update)), as: first, key: "p").isReplay)
        #expect(try fixture.run(.account(.delete), as: first, key: "d").isReplay == false)
        #expect(try fixture.run(.account(.delete), as: first, key: "d").isReplay)
    }

    @Test(arguments: [nil, CrashMode.loseUnsynced], [1, 3])
    func textsOutliveTheLogThatBroughtThem(crash: CrashMode?, workers: Int) throws {
        let fixture = try EngineFixture.small { $0.retention.bytes = 1 }
        let bob = try fixture.register("Bob", hash: "secret")
        let bio = String(repeating: "ä", count: 500)
        let url = "https://example.org/" + String(repeating: "x", count: 2_000)
        try fixture.run(
            .account(.changeProfile(ProfileUpdate(displayName: "B. Ob", bio: bio, pictureURL: url))), as: bob)
        let ann = try fixture.register("ann")
        for _ in 0..<3 {
            try EngineFixture.fill(fixture)
            try fixture.snapshot()
        }
        #expect(fixture.engine.firstLSN > 3)
        let digest = try fixture.digest()
        try fixture.restart(crash: crash, workers: workers)
        #expect(try fixture.digest() == digest)
        let expected = PublicProfile(username: "Bob", displayName: "B. Ob", bio: bio, pictureURL: url)
        #expect(try fixture.texts(bob) == expected)
        #expect(try fixture.find(.username("bob"))?.passwordHash == "secret")
        #expect(try fixture.texts(ann)?.displayName == "ann")
        #expect(try fixture.refusal(EngineFixture.account("ANN", email: "x@y.z"), as: 0) == "taken")
        // The mint goes on behind the ids that only the snapshot knows.
        #expect(try fixture.register("carl") > ann)
    }

    @Test func digestTellsOfEveryChangeOfTextAndNotOfTheNumberOfWorkers() throws {
        var digests = Set<Hash128>()
        for workers in [1, 2, 5] {
            let fixture = try EngineFixture.small { $0.workers = workers }
            let bob = try fixture.register("bob")
            let first = try fixture.digest()
            try fixture.run(.account(.changeProfile(ProfileUpdate(bio: "words"))), as: bob)
            let second = try fixture.digest()
            #expect(first != second)
            #expect(try fixture.deleteAccount(bob))
            let third = try fixture.digest()
            #expect(third != second && third != first)
            digests.formUnion([first, second, third])
        }
        #expect(digests.count == 3)
    }

    @Test func onlyWhoKnowsTheOldPasswordChangesIt() throws {
        let fixture = try EngineFixture.small()
        let bob = try fixture.register("bob", hash: "old")
        try fixture.register("ann")
        let wrong = CredentialsUpdate(checkedHash: "other", passwordHash: "new")
        #expect(try fixture.refusal(.account(.changeCredentials(wrong)), as: bob) == "credentialsChanged")
        let taken = CredentialsUpdate(checkedHash: "old", email: "ANN@example.org")
        #expect(try fixture.refusal(.account(.changeCredentials(taken)), as: bob) == "taken")
        let right = CredentialsUpdate(checkedHash: "old", passwordHash: "new", email: "Bob2@example.org")
        try fixture.run(.account(.changeCredentials(right)), as: bob)
        #expect(try fixture.find(.email("bob2@example.org"))?.passwordHash == "new")
        #expect(try fixture.find(.email("bob@example.org")) == nil)
        #expect(try fixture.register("carl", email: "bob@example.org") > bob)
    }

    @Test func aDeletedAccountIsGoneFromEveryReadAndItsNameIsFree() throws {
        let fixture = try EngineFixture.small()
        let bob = try fixture.register("bob")
        try fixture.follow(7, bob)
        try fixture.follow(7, 8)
        try fixture.follow(bob, 8)
        let lost = try fixture.post(bob)
        let kept = try fixture.post(8)
        #expect(try fixture.feed(7) == [kept, lost])
        for _ in 0..<2 {
            _ = try fixture.run(.account(.delete), as: bob)
            #expect(try fixture.feed(7) == [kept])
            #expect(try fixture.lookUp([lost]).missing == [lost])
            #expect(try fixture.posts(of: bob).isEmpty)
            #expect(try fixture.texts(bob) == nil)
            #expect(try fixture.following(7) == [8])
            #expect(try fixture.find(.username("bob")) == nil)
            #expect(try fixture.refusal(.follow(UserID(rawValue: bob)), as: 9) == "accountDeleted")
            #expect(try fixture.refusal(.follow(UserID(rawValue: 9)), as: bob) == "accountDeleted")
            let post = NewPost(author: UserID(rawValue: bob), text: "again")
            #expect(try fixture.refusal(.createPost(post), as: bob) == "accountDeleted")
            #expect(try fixture.importPosts([post]).rows.map(\.errorName) == ["accountDeleted"])
            #expect(
                try fixture.importFollows([(9, bob), (bob, 9)]).rows.map(\.errorName) == [
                    "accountDeleted", "accountDeleted",
                ])
            try fixture.snapshot()
            try fixture.restart(crash: .loseUnsynced, workers: 3)
        }
        #expect(try fixture.register("BOB", email: "bob@example.org") != bob)
        #expect(try fixture.deleteAccount(bob) == false)
    }

    @Test(arguments: [1, 3]) func countsOfOthersForgetADeletedAccount(workers: Int) throws {
        let fixture = try EngineFixture.small { $0.workers = workers }
        let bob = try fixture.register("bob")
        let eve = try fixture.register("eve")
        try fixture.follow(bob, eve)
        try fixture.follow(eve, bob)
        _ = try fixture.importFollows((1...1_300).flatMap { [($0, bob), (bob, $0), ($0, 2_000)] })
        let edges = try fixture.statistics().edges
        // Two who follow each other, deleted one after the other.
        for user in [bob, eve] { _ = try fixture.deleteAccount(user) }
        fixture.settle()
        #expect(try fixture.statistics().edges == edges - 2_602)
        #expect(try fixture.profile(7).followerCount == 0 && fixture.profile(7).followingCount == 1)
        let digest = try fixture.digest()
        try fixture.restart(crash: .loseUnsynced, workers: 2)
        fixture.settle()
        #expect(try fixture.digest() == digest)
    }

    /// A worker that is behind still reads what was replaced; nobody reads what was given back.
    @Test func replacedTextsStayUntilEveryWorkerIsPastThem() throws {
        let fixture = try EngineFixture.small { $0.arenaBytes = 64 << 10 }
        let bob = try fixture.register("bob")
        for round in 0..<500 {
            let bio = String(repeating: "\(round % 10)", count: 500)
            try fixture.run(.account(.changeProfile(ProfileUpdate(bio: bio))), as: bob)
            #expect(try fixture.texts(bob)?.bio == bio)
            if round % 100 == 99 {
                try fixture.snapshot()
                try fixture.restart(crash: .loseUnsynced)
            }
        }
    }

    @Test func accountsAreRefusedBeforeTheirArenaOverflows() throws {
        let fixture = try EngineFixture.small { $0.arenaBytes = 16 << 10 }
        var refused = 0
        let hash = String(repeating: "h", count: 200)
        for number in 0..<100 {
            let account = EngineFixture.account("user\(number)", hash: hash)
            if try fixture.refusal(account, as: 0) == "full" { refused += 1 }
        }
        #expect(refused > 0 && refused < 100)
        let digest = try fixture.digest()
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.digest() == digest)
    }
}
