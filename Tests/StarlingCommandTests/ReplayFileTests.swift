import Foundation
import StarlingSystem
import StarlingTestSupport
import Testing

/// `starling replay` with files: plain and gzip, whole and broken.
@Suite struct ReplayFileTests {
    private let directory = try? TemporaryDirectory()

    private func path(_ name: String) throws -> String { try #require(directory).path + "/" + name }

    /// Files with comments, tabs, empty lines and Windows line ends between the numbers.
    private func writeFiles() throws {
        var random = SeededRandom(seed: 9)
        var follows = "# a graph\n\n"
        for number in 0..<2_000 {
            let separator = number % 3 == 0 ? "\t" : " "
            follows +=
                "\(random.next() % 200 + 1)\(separator)\(random.next() % 200 + 201)\(number % 5 == 0 ? "\r\n" : "\n")"
        }
        var posts = "# activity\n"
        for number in 0..<1_000 {
            posts +=
                "\(random.next() % 200 + 201) \(1_341_100_800 + number / 2) \(["RT", "MT", "RE", ""][number % 4])\n"
        }
        try follows.write(toFile: path("follows.txt"), atomically: true, encoding: .utf8)
        // The last line without its end.
        try String(posts.dropLast()).write(toFile: path("posts.txt"), atomically: true, encoding: .utf8)
    }

    private func compress(_ name: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-k", try path(name)]
        try process.run()
        process.waitUntilExit()
    }

    private func replay(_ follows: String, _ posts: String, data: String) async throws -> Ending {
        try await StarlingCommand.run(
            "replay", "--follows", try path(follows), "--posts", try path(posts), "--data", try path(data), "--json",
            "--ack", "memory")
    }

    @Test func compressedFilesAreTheSame() async throws {
        try writeFiles()
        for name in ["follows.txt", "posts.txt"] { try compress(name) }
        let plain = try await replay("follows.txt", "posts.txt", data: "plain")
        let compressed = try await replay("follows.txt.gz", "posts.txt.gz", data: "compressed")
        #expect(plain.code == 0 && compressed.code == 0, "\(plain.errors)\(compressed.errors)")
        for name in ["digest", "followRows", "postRows", "edges", "pushed", "sample"] {
            #expect(plain.json[name] == compressed.json[name] && plain.json[name] != nil, "\(name)")
        }
        #expect(plain.json["followRows"] == .number(2_000) && plain.json["postRows"] == .number(1_000))
        let texts = Set((plain.json["sample"]?.array ?? []).compactMap { $0["text"]?.string?.prefix { $0 != " " } })
        #expect(texts.isSubset(of: ["retweet", "mention", "reply", "post"]) && texts.count > 1)
    }

    @Test(arguments: [
        ("1 2\n3\n", 2), ("1 2\n# fine\n\nx 4\n", 4), ("1 2\n-1 2\n", 2), ("1,2\n", 1),
        ("1 2\n99999999999999999999 1\n", 2),
        ("1 2\n1.5 2\n", 2), ("1 2x\n", 1),
    ])
    func aBadLineIsNamed(text: String, line: Int) async throws {
        try writeFiles()
        try text.write(toFile: path("bad.txt"), atomically: true, encoding: .utf8)
        let ending = try await replay("bad.txt", "posts.txt", data: "data")
        #expect(ending.code == 65 && ending.output.isEmpty)
        #expect(ending.lastError.contains("bad.txt:\(line): "), "\(ending.errors)")
    }

    @Test func aBadLineAmongThePostsIsNamed() async throws {
        try writeFiles()
        for (text, line) in [
            ("201 1341100800 RT\n201 soon RT\n", 2), ("201 1341100800 RT\n201 18446744073709551615 RT\n", 2),
        ] {
            try text.write(toFile: path("bad.txt"), atomically: true, encoding: .utf8)
            let ending = try await replay("follows.txt", "bad.txt", data: "data \(line) \(text.count)")
            #expect(ending.code == 65 && ending.lastError.contains("bad.txt:\(line): "), "\(ending.errors)")
        }
    }

    @Test func aLineWithoutEndIsRefused() async throws {
        try writeFiles()
        try String(repeating: "1", count: 100_000).write(toFile: path("bad.txt"), atomically: true, encoding: .utf8)
        let ending = try await replay("bad.txt", "posts.txt", data: "data")
        #expect(ending.code == 65 && ending.lastError.contains("bad.txt:1: "), "\(ending.errors)")
    }

    @Test func aCompressedFileThatIsCutIsRefused() async throws {
        try writeFiles()
        try compress("posts.txt")
        let bytes = try #require(FileManager.default.contents(atPath: path("posts.txt.gz")))
        try bytes[..<(bytes.count / 2)].write(to: URL(fileURLWithPath: path("cut.gz")))
        let ending = try await replay("follows.txt", "cut.gz", data: "data")
        #expect(ending.code == 65 && ending.lastError.contains("cut.gz"), "\(ending.errors)")
    }

    @Test func aFileThatIsNotThereIsNamed() async throws {
        try writeFiles()
        let ending = try await replay("follows.txt", "nowhere.txt", data: "data")
        #expect(ending.code == 66 && ending.lastError.contains("nowhere.txt"), "\(ending.errors)")
        let alone = try await StarlingCommand.run("replay", "--posts", try path("posts.txt"))
        #expect(alone.code == 64)
    }

    @Test func aGraphAloneIsLoaded() async throws {
        try writeFiles()
        let ending = try await StarlingCommand.run(
            "replay", "--follows", try path("follows.txt"), "--data", try path("data"), "--json", "--ack", "memory")
        #expect(ending.code == 0, "\(ending.errors)")
        #expect(ending.json["followRows"] == .number(2_000) && ending.json["postRows"] == .number(0))
    }
}
