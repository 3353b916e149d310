import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSystem

extension SimulationRun {
    /// Asks for a page, which is taken while the writes of the same turn are sequenced.
    func submitRead() {
        let idle = sessions.indices.filter { !sessions[$0].isBusy }
        if !idle.isEmpty, chance(60) {
            let number = idle[number(0...idle.count - 1)]
            sessions[number].isBusy = true
            let session = sessions[number]
            submitPage(session.reader, from: session.position, session: number, after: session.lastPost, minimumLSN: 0)
        } else {
            let published = running().publishedLSN
            let minimum: UInt64 = chance(70) ? 0 : published + (chance(50) ? 0 : UInt64(number(1...4)))
            submitPage(user().rawValue, from: nil, session: nil, after: nil, minimumLSN: minimum)
        }
    }

    private func submitPage(
        _ reader: UInt64, from position: PagePosition?, session: Int?, after: UInt64?, minimumLSN: UInt64
    ) {
        let limit = chance(20) ? 1 : number(1...40)
        let answer = PendingAnswer<PostPage>()
        reads.append(
            PendingRead(
                reader: reader, limit: limit, minimumLSN: minimumLSN, session: session, afterPost: after,
                answer: answer))
        totals.reads += 1
        let user = UserID(rawValue: reader)
        running().feed(of: user, from: position, limit: limit, minimumLSN: minimumLSN) { answer.set($0) }
    }

    /// Checks the pages that have come. One that waits for a record may come turns later.
    func takeReadAnswers() throws(InvariantViolation) {
        var left: [PendingRead] = []
        for read in reads {
            switch read.answer.result {
            case nil: left.append(read)
            case .success(let page)?: try check(read, page)
            case .failure(.notYetVisible(_, let applied))?:
                totals.reached(.readGaveUp)
                guard applied < read.minimumLSN else {
                    throw InvariantViolation(.liveness, "a read of record \(read.minimumLSN) gave up at \(applied)")
                }
            case .failure(let error)?:
                throw InvariantViolation(.honesty, "a page of \(read.reader) was refused: \(error)")
            }
        }
        for read in left where read.session == nil && read.minimumLSN > 0 { totals.reached(.readWaited) }
        reads = left
    }

    private func check(_ read: PendingRead, _ page: PostPage) throws(InvariantViolation) {
        guard page.asOfLSN >= read.minimumLSN, page.asOfLSN <= oracle.lastLSN else {
            throw InvariantViolation(
                .observed, "a page as of \(page.asOfLSN), with \(oracle.lastLSN) records, \(read.minimumLSN) wanted")
        }
        observe(page.asOfLSN)
        var model = oracle.model(at: page.asOfLSN)
        let below = read.afterPost.map { model.place(ofPostAt: $0) ?? .max } ?? .max
        var expected = model.feedPosts(read.reader, below: below, limit: read.limit + 1)
        // Whoever asked for more than readers wait for may never get an answer for what readers see.
        if expected.contains(where: { $0.id == 0 }) {
            for (post, entry) in zip(expected, page.entries) where post.id == 0 {
                try oracle.learn(entry.post.rawValue, ofPostAt: post.lsn)
            }
            model = oracle.model(at: page.asOfLSN)
            expected = model.feedPosts(read.reader, below: below, limit: read.limit + 1)
        }
        try comparePage(page, expected.map(\.id), read.limit, "the feed of \(read.reader)")
        for entry in page.entries { trace.add(entry.post.rawValue) }
        continueSession(read, page, model)
    }

    /// What anybody has seen outlives what its level outlives. Readers see only what the kernel has.
    func observe(_ lsn: UInt64) {
        floors.process = max(floors.process, lsn)
        if configuration.acknowledgement == .disk { floors.power = max(floors.power, lsn) }
    }

    /// `expected` holds one entry more than the page may.
    func comparePage(
        _ page: PostPage, _ expected: [UInt64], _ limit: Int, _ what: @autoclosure () -> String
    ) throws(InvariantViolation) {
        let found = page.entries.map(\.post.rawValue)
        guard found == Array(expected.prefix(limit)) else {
            throw InvariantViolation(
                .timelines, "\(what()) as of \(page.asOfLSN) is \(found), expected \(expected.prefix(limit))")
        }
        guard (page.next != nil) == (expected.count > limit) else {
            throw InvariantViolation(.cursors, "\(what()) has \(page.next == nil ? "no" : "a") next page, wrongly")
        }
    }

    private func continueSession(_ read: PendingRead, _ page: PostPage, _ model: FeedModel) {
        let last = page.entries.last.flatMap { model.place(of: $0.post.rawValue) }.map { model.posts[$0].lsn }
        if let number = read.session {
            if sessions[number].crashes < crashes { totals.reached(.cursorAfterCrash) }
            if sessions[number].lsn < page.asOfLSN { totals.reached(.cursorAmongWrites) }
            guard let next = page.next, let last else {
                // Whoever is at the end begins anew, elsewhere: numbers of other sessions must not change.
                sessions[number].position = PagePosition(rawValue: UInt64(UInt32.max))
                sessions[number].lastPost = .max
                sessions[number].isBusy = false
                return
            }
            sessions[number] = ReadingSession(
                reader: read.reader, position: next, lastPost: last, crashes: crashes, lsn: page.asOfLSN)
        } else if let next = page.next, let last, sessions.count < 6 {
            sessions.append(
                ReadingSession(
                    reader: read.reader, position: next, lastPost: last, crashes: crashes, lsn: page.asOfLSN))
        }
    }

    /// What some posts say, read from the log.
    func readBodies() throws(InvariantViolation) {
        guard running().failure == nil, disk.isPowered else { return }
        let reader = user()
        let page: PostPage = try read("a page") { self.running().feed(of: reader, limit: 8, completion: $0) }
        do {
            let bodies = try running().bodies(of: page.entries)
            for (entry, body) in zip(page.entries, bodies) {
                try compareBody(entry, body, logFirst: running().firstLSN)
            }
            if !bodies.isEmpty { totals.reached(.bodyRead) }
        } catch let error as EngineError {
            guard isFaulty else { throw InvariantViolation(.honesty, "bodies without a fault: \(error)") }
            totals.reached(.unreadableBodyRefused)
        } catch let violation as InvariantViolation {
            throw violation
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    /// A post keeps its words for as long as the log keeps its record.
    func compareBody(_ entry: PostEntry, _ body: PostBody?, logFirst: UInt64) throws(InvariantViolation) {
        guard let place = oracle.model.place(of: entry.post.rawValue) else { return }
        if body == nil, oracle.model.posts[place].bodyLSN < logFirst { return totals.reached(.bodyGoneWithLog) }
        let post = oracle.model.posts[place].fact
        guard let body, body.text == post.text, body.mediaURL == post.mediaURL, body.kind == post.kind else {
            throw InvariantViolation(.phantom, "post \(entry.post) says \(body as Any), not \(post.text)")
        }
        trace.add(body.text)
    }

    /// Runs a read to its answer, without faults.
    func read<Value: Sendable>(
        _ what: String, _ start: (@escaping @Sendable (Result<Value, EngineError>) -> Void) -> Void
    ) throws(InvariantViolation) -> Value {
        let answer = PendingAnswer<Value>()
        start { answer.set($0) }
        try settle()
        totals.reads += 1
        switch answer.result {
        case .success(let value)?: return value
        case .failure(let error)?: throw InvariantViolation(.honesty, "\(what) was refused: \(error)")
        case nil: throw InvariantViolation(.liveness, "\(what) got no answer")
        }
    }
}
