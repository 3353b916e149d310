import StarlingEngine
import StarlingLog
import StarlingTestSupport
import Testing

@testable import StarlingServer

/// Every setting by its key: it can be set, is shown as it was set, and refuses what it cannot be.
@Suite struct DaemonConfigurationTests {
    /// For each key a value that is not its default, and some that are impossible.
    private static let settings: [(key: String, value: String, bad: [String])] = [
        ("data", "/somewhere", []),
        (
            "http.listen", "127.0.0.1:1234",
            ["", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80"]
        ),
        ("tcp.listen", "localhost:0", ["7480", "a:b:c:1"]), ("admin.listen", "[::1]:9", ["[]:1", "host:port"]),
        ("ack", "memory", ["", "fast", "DISK", "1"]), ("auth", "on", ["", "yes", "ON"]),
        ("auth.scryptCost", "12", ["9", "21", "32768"]), ("auth.refreshSeconds", "3600", ["59", "34560001"]),
        ("auth.secureCookies", "false", ["no"]),
        ("workers", "7", ["0", "65", "-1", "", "two", "1.0", "99999999999999999999"]),
        ("workers.pinned", "true", ["1", "yes", "", "TRUE"]), ("eventLoops", "3", ["0", "65"]),
        ("logging.level", "debug", ["", "loud", "DEBUG"]), ("timeline.cap", "50", ["0", "1000001"]),
        ("notifications.kept", "7", ["0", "1000001"]),
        ("ranking.candidates", "7", ["0", "1001"]), ("ranking.halfLifeSeconds", "60", ["0", "1.5"]),
        ("ranking.recencyWeight", "2.5", ["-1", "1000.1", "nan", "inf", "0x1", ""]),
        ("ranking.engagementWeight", "2.5", ["-1", "1000.1", "nan", "inf", "0x1", ""]),
        ("ranking.affinityWeight", "2.5", ["-1", "1000.1", "nan", "inf", "0x1", ""]),
        ("ranking.textWeight", "2.5", ["-1", "1000.1", "nan", "inf", "0x1", ""]),
        ("ranking.imageWeight", "2.5", ["-1", "1000.1", "nan", "inf", "0x1", ""]),
        ("ranking.videoWeight", "2.5", ["-1", "1000.1", "nan", "inf", "0x1", ""]),
        ("fanout.awayAfterSeconds", "86400", ["-1", "4294967296"]),
        ("fanout.pieceDeliveries", "512", ["0", "1048577"]), ("fanout.deliveryRecords", "4096", ["0", "1e6"]),
        ("fanout.celebrityThreshold", "5", ["0", "-5"]), ("fanout.celebrityHysteresisPercent", "55", ["0", "101"]),
        (
            "fanout.celebrityCostShare", "0.25",
            ["", "-0.1", "1.1", "nan", "inf", "0x1p-2", "half", "1%", "0,5", " 0.5"]
        ),
        ("fanout.feedEvents", "false", ["off", "0"]), ("fanout.feedEventPartitions", "1", ["0", "257"]),
        ("topics.segmentBytes", "65536", ["65535"]), ("topics.retentionBytes", "5", ["-1"]),
        ("topics.retentionMilliseconds", "5", ["-1", "7d"]), ("topics.partitions", "9", ["0"]),
        ("topics.queue", "5", ["0"]), ("topics.queueBytes", "5", ["0"]), ("topics.waiters", "0", ["-1"]),
        ("topics.producers", "8", ["7", "100001"]),
        ("log.segmentBytes", "65536", ["65535", "9999999999999"]), ("log.batchBytes", "4096", ["0", "99999999"]),
        ("log.segmentMilliseconds", "1000", ["-1", ""]), ("log.retentionBytes", "1000000", ["-1", "all"]),
        ("log.retentionMilliseconds", "86400000", ["-1", "1d"]), ("log.scrubBytesPerSecond", "0", ["-1"]),
        ("log.scrubPauseMilliseconds", "0", ["-1"]), ("log.erasePauseMilliseconds", "0", ["-1", ""]),
        ("log.eraseWithinMilliseconds", "60000", ["-1", "soon"]),
        ("snapshots", "false", ["off", ""]),
        ("snapshots.records", "200", ["-1"]), ("snapshots.logBytes", "0", ["-1"]),
        ("snapshots.milliseconds", "0", ["-1"]), ("snapshots.recordsAtClose", "0", ["-1"]),
        ("snapshots.bufferBytes", "1048576", ["1048575", "1099511627777"]),
        ("idempotency.milliseconds", "18446744073709551615", ["-1", "18446744073709551616"]),
        ("memory.bodyCacheBytes", "0", ["-1"]), ("memory.arenaBytes", "1048576", ["1048575", "68719476737"]),
        ("memory.hugePages", "false", ["off"]), ("limits.users", "10", ["0", "4294967295"]),
        ("limits.posts", "10", ["0", "4294967295"]),
        ("limits.idempotencyKeys", "10", ["-1", "1099511627777"]), ("limits.writeQueue", "10", ["0"]),
        ("limits.writeQueueBytes", "10", ["0"]), ("limits.readQueue", "10", ["0"]),
        ("tcp.connections", "10", ["0", "1000001"]), ("tcp.inFlight", "10", ["0", "65536"]),
        ("tcp.payloadBytes", "1024", ["1023", "16777217"]), ("http.connections", "10", ["0"]),
        ("http.bodyBytes", "10", ["0"]), ("http.headerBytes", "1024", ["1023", "1048577"]),
        ("http.idleSeconds", "1", ["0", "86401"]),
        ("tls.certificate", "/c.pem", []), ("tls.key", "/k.pem", []), ("admin.tls", "true", ["yes"]),
        ("http.headerSeconds", "1", ["0", "3601", "1.5"]), ("http.bodyGraceSeconds", "0", ["-1", ""]),
        ("http.bodyBytesPerSecond", "1", ["0"]), ("http.stalledSeconds", "1", ["0"]),
        ("tcp.prefaceSeconds", "1", ["0"]), ("tcp.stalledSeconds", "1", ["0"]),
        ("tcp.idleSeconds", "1", ["0", "86401"]),
        ("tcp.frameGraceSeconds", "0", ["-1"]), ("tcp.frameBytesPerSecond", "1", ["0"]),
        ("connections.perAddress", "1", ["0", "1000001"]), ("connections.perSecond", "0", ["-1"]),
        (
            "rateLimits.rules",
            #"[{"name":"a","key":["ip","user"],"rate":"5/s","burst":"10","methods":["POST"],"routes":["CreatePost"]}]"#,
            [
                "x", "{}", "[{}]", #"[{"name":"a"}]"#, #"[{"name":"a","rate":"5/s"}]"#,
                #"[{"name":"a","rate":"5","burst":1}]"#, #"[{"name":"a","rate":"5/s","burst":1,"key":["colour"]}]"#,
                #"[{"name":"a","rate":"5/s","burst":1,"routes":["Dance"]}]"#,
                #"[{"name":"a","rate":"5/s","burst":1,"methods":["post"]}]"#,
                #"[{"name":"a","rate":"5/s","burst":1,"colour":"red"}]"#, #"[{"name":"a b","rate":"5/s","burst":1}]"#,
                #"[{"name":"a","rate":"5/s","burst":1},{"name":"a","rate":"5/s","burst":1}]"#,
                #"[{"name":"a","rate":"5/s","burst":-1}]"#, #"[]}"#,
            ]
        ),
        ("moderation.mode", "outside", ["", "on", "OFF"]), ("moderation.rules", "/rules.json", []),
        ("moderation.moderators", "7,18446744073709551615", ["0", "alice", "1,-2", "18446744073709551616"]),
        ("rateLimits.keys", "128", ["127"]), ("rateLimits.saveSeconds", "1", ["0"]),
        ("http.trustedProxies", "10.0.0.0/8,2001:db8:0:0:0:0:0:1", ["nobody", "10.0.0.1/8", "10.0.0.0/8 "]),
        (
            "http.corsOrigins", "https://example.org,http://localhost:3000",
            ["*", "null", "example.org", "https://example.org/", "https://a,b"]
        ),
    ]

    /// Fails when there is a setting that this table does not know.
    @Test func everyKeyIsInTheTable() {
        let shown = Set(DaemonConfiguration(processors: 2).values.keys)
        #expect(shown.subtracting(Self.settings.map(\.key)) == [], "settings without a test")
        #expect(Set(Self.settings.map(\.key)).subtracting(shown) == [], "settings that are gone")
    }

    @Test func everyKeyIsShownAsItWasSet() throws {
        var configuration = DaemonConfiguration(processors: 2)
        let before = configuration.values
        for (key, value, _) in Self.settings {
            try configuration.set(key, value)
            #expect(configuration.values[key] == value, "\(key)")
            #expect(before[key] != value, "\(key) should be set to something new")
        }
        // No key moves another one.
        #expect(configuration.values == Dictionary(uniqueKeysWithValues: Self.settings.map { ($0.key, $0.value) }))
    }

    @Test func badValuesNameTheirKeyAndChangeNothing() {
        for (key, _, bad) in Self.settings {
            for value in bad {
                var configuration = DaemonConfiguration(processors: 2)
                let error = #expect(throws: ConfigurationError.self, "\(key)=\(value)") {
                    try configuration.set(key, value)
                }
                #expect(error?.key == key && "\(error?.description ?? "")".contains("\"\(value)\""))
                #expect(configuration.values == DaemonConfiguration(processors: 2).values)
            }
        }
    }

    @Test(arguments: ["", "worker", "Workers", "workers ", "fanout", "log"]) func unknownKeysAreNamed(key: String) {
        var configuration = DaemonConfiguration(processors: 2)
        #expect(#expect(throws: ConfigurationError.self) { try configuration.set(key, "1") }?.key == key)
    }

    @Test(arguments: [
        ("http.listen", "0.0.0.0:80"), ("tcp.listen", "[::]:1"), ("admin.listen", "example.org:1"),
        ("http.listen", "192.168.0.1:0"),
    ])
    func listenersThatOthersReachAreRefused(key: String, address: String) throws {
        var configuration = DaemonConfiguration(processors: 2)
        try configuration.set("data", "/somewhere")
        try configuration.validate()
        try configuration.set(key, address)
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.key == key && error?.reason.contains(address) == true)
    }

    @Test func listenersThatOthersReachNeedAuthentication() throws {
        var configuration = DaemonConfiguration(processors: 2)
        try configuration.set("data", "/somewhere")
        try configuration.set("auth", "on")
        try configuration.set("http.listen", "0.0.0.0:80")
        try configuration.set("tcp.listen", "[::]:1")
        try configuration.validate()
        // The admin listener asks nobody who he is, whatever the others do.
        try configuration.set("admin.listen", "0.0.0.0:81")
        #expect(#expect(throws: ConfigurationError.self) { try configuration.validate() }?.key == "admin.listen")
    }

    /// A name that begins like a loopback address is a name, and can belong to anybody.
    @Test(arguments: [
        "127.evil.example:80", "127.0.0.1.example.org:80", "127.:80", "localhost.example.org:1", "127.0.0.1000:1",
    ])
    func namesThatLookLikeLoopbackAreNot(text: String) throws {
        let address = try #require(ListenAddress(text))
        #expect(!address.isLoopback)
    }

    @Test func aDataDirectoryIsNeeded() {
        let error = #expect(throws: ConfigurationError.self) { try DaemonConfiguration(processors: 2).validate() }
        #expect(error?.key == "data")
    }

    @Test(arguments: [(0, "1"), (1, "1"), (4, "4"), (1_000, "64")]) func aWorkerForEachProcessor(
        processors: Int, workers: String
    ) {
        #expect(DaemonConfiguration(processors: processors).values["workers"] == workers)
    }

    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1", 80), ("localhost:0", "localhost", 0), ("[::1]:65535", "::1", 65_535),
        ("127.9.9.9:1", "127.9.9.9", 1),
    ])
    func addressesAreReadAndShown(text: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.host == host && address.port == port && address.description == text && address.isLoopback)
    }

    @Test(arguments: [
        "", ":", ":80", "host", "host:", "host:x", "host:65536", "host:-1", "::1", "::1:80", "[]:80", "host:+8",
        "host: 8", "[::1:80", "a]:1",
    ])
    func addressesThatAreNone(text: String) {
        #expect(ListenAddress(text) == nil)
    }
}
