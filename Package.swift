// swift-tools-version: 6.3
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// jemalloc serves the whole process in which it is linked. Sanitizers bring an allocator of their own.
let allocator: [Target.Dependency] = Context.environment["STARLING_WITHOUT_JEMALLOC"] == nil ? ["CJemalloc"] : []

// Targets are listed from the ground up. A target imports only targets above its own line.
let package = Package(
    name: "starling",
    products: [
        .executable(name: "starling", targets: ["starling"]),
        .library(name: "StarlingSets", targets: ["StarlingSets", "StarlingMemory"]),
        .library(name: "StarlingLog", targets: ["StarlingLog", "StarlingSystem"]),
        .library(name: "StarlingEngine", targets: ["StarlingEngine"]),
        .library(name: "StarlingClient", targets: ["StarlingClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
    ],
    targets: [
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CJemalloc", pkgConfig: "jemalloc", providers: [.apt(["libjemalloc-dev"])]),
        .target(name: "CStarling"),
        .target(name: "StarlingSystem", dependencies: ["CStarling"], swiftSettings: swiftSettings),
        .target(name: "StarlingMemory", dependencies: ["StarlingSystem"], swiftSettings: swiftSettings),
        .target(
            name: "StarlingSets", dependencies: ["StarlingMemory", "StarlingSystem", "CStarling"],
            swiftSettings: swiftSettings),
        .target(name: "StarlingLog", dependencies: ["StarlingSystem", "CLZ4"], swiftSettings: swiftSettings),
        .target(
            name: "StarlingTopics", dependencies: ["StarlingLog", "StarlingSystem"], swiftSettings: swiftSettings),
        .target(
            name: "StarlingSnapshots", dependencies: ["StarlingMemory", "StarlingSystem"],
            swiftSettings: swiftSettings),
        .target(
            name: "StarlingSchema",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Protos"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "StarlingEngine",
            dependencies: [
                "CStarling",
                "StarlingSystem", "StarlingMemory", "StarlingSets", "StarlingLog", "StarlingTopics",
                "StarlingSnapshots", "StarlingSchema",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "StarlingSimulation",
            dependencies: ["StarlingSystem"],
            swiftSettings: swiftSettings
        ),
        .target(name: "StarlingLimits", dependencies: ["StarlingSystem"], swiftSettings: swiftSettings),
        .target(
            name: "StarlingWire",
            dependencies: ["StarlingSchema", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "StarlingClient",
            dependencies: [
                "StarlingWire", "StarlingSchema",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "StarlingCheck",
            dependencies: [
                "CStarling", "StarlingClient", "StarlingEngine", "StarlingLog", "StarlingSchema", "StarlingSimulation",
                "StarlingSnapshots", "StarlingSystem", "StarlingTopics",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "StarlingServer",
            dependencies: [
                "StarlingEngine", "StarlingLimits", "StarlingLog", "StarlingSchema", "StarlingSimulation",
                "StarlingSystem", "StarlingTopics", "StarlingWire",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "starling",
            dependencies: allocator + [
                "StarlingCheck", "StarlingServer", "StarlingClient", "StarlingEngine", "StarlingLog",
                "StarlingSchema", "StarlingSnapshots", "StarlingSystem", "StarlingTopics",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "StarlingSetsTests", dependencies: ["StarlingSets", "StarlingMemory", "StarlingSystem"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingLogTests", dependencies: ["StarlingLog", "StarlingSimulation", "StarlingSystem"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingTopicsTests",
            dependencies: ["StarlingLog", "StarlingSimulation", "StarlingSystem", "StarlingTopics"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingSnapshotsTests",
            dependencies: ["StarlingSnapshots", "StarlingMemory", "StarlingSimulation", "StarlingSystem"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingCheckTests",
            dependencies: allocator + [
                "StarlingCheck", "StarlingEngine", "StarlingLog", "StarlingSimulation", "StarlingSystem",
                "StarlingTestSupport", "starling",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingSchemaTests",
            dependencies: [
                "StarlingSchema", "StarlingSystem", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingWireTests",
            dependencies: [
                "StarlingWire", "StarlingSchema", "StarlingSystem", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingLimitsTests", dependencies: ["StarlingLimits", "StarlingSystem"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingEngineTests",
            dependencies: [
                "StarlingEngine", "StarlingLog", "StarlingMemory", "StarlingSchema", "StarlingSimulation",
                "StarlingSnapshots", "StarlingSystem", "StarlingTopics",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "StarlingTestSupport", path: "Tests/StarlingTestSupport",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingServerTests",
            dependencies: [
                "StarlingServer", "StarlingClient", "StarlingEngine", "StarlingLimits", "StarlingLog", "StarlingSchema",
                "StarlingSimulation", "StarlingSystem", "StarlingTestSupport", "StarlingWire",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingCommandTests",
            dependencies: allocator + ["starling", "StarlingSystem", "StarlingTestSupport"],
            exclude: allocator.isEmpty ? ["AllocatorTests.swift"] : [],
            swiftSettings: swiftSettings),
    ]
)
