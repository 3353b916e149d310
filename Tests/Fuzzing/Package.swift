// swift-tools-version: 6.3
import PackageDescription

// A package of its own: it builds the storage targets again, instrumented, from the same sources (`Starling` is a link
// to them), so that nobody who builds Starling builds the fuzzers. `run.sh` builds and runs it.

let instrumented: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // The parsers are internal to their modules, and the fuzz targets reach them through `@testable import`.
    .unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"]),
]

let package = Package(
    name: "starling-fuzzing",
    dependencies: [
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0")
    ],
    targets: [
        .systemLibrary(
            name: "CLZ4", path: "Starling/CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .target(
            name: "CStarling", path: "Starling/CStarling", cSettings: [.unsafeFlags(["-fsanitize=address"])]),
        .target(
            name: "StarlingSystem", dependencies: ["CStarling"], path: "Starling/StarlingSystem",
            swiftSettings: instrumented),
        .target(
            name: "StarlingMemory", dependencies: ["StarlingSystem"], path: "Starling/StarlingMemory",
            swiftSettings: instrumented),
        .target(
            name: "StarlingSets", dependencies: ["StarlingMemory", "StarlingSystem", "CStarling"],
            path: "Starling/StarlingSets", swiftSettings: instrumented),
        .target(
            name: "StarlingLog", dependencies: ["StarlingSystem", "CLZ4"], path: "Starling/StarlingLog",
            swiftSettings: instrumented),
        .target(
            name: "StarlingSnapshots", dependencies: ["StarlingMemory", "StarlingSystem"],
            path: "Starling/StarlingSnapshots", swiftSettings: instrumented),
        .target(
            name: "StarlingSchema", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            path: "Starling/StarlingSchema", exclude: ["Protos"], swiftSettings: instrumented),
        .target(
            name: "StarlingEngine",
            dependencies: [
                "StarlingSystem", "StarlingMemory", "StarlingSets", "StarlingLog", "StarlingSnapshots",
                "StarlingSchema", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ], path: "Starling/StarlingEngine", swiftSettings: instrumented),
        .target(
            name: "StarlingSimulation", dependencies: ["StarlingSystem"], path: "Starling/StarlingSimulation",
            swiftSettings: instrumented),
        .executableTarget(
            name: "starling-fuzz",
            dependencies: [
                "StarlingSystem", "StarlingMemory", "StarlingLog", "StarlingSnapshots", "StarlingSchema",
                "StarlingEngine", "StarlingSimulation", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Sources/StarlingFuzz", swiftSettings: instrumented,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ]
)
