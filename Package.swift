// swift-tools-version: 6.3
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Targets are listed from the ground up. A target imports only targets above its own line.
let package = Package(
    name: "starling",
    products: [
        .library(name: "StarlingSets", targets: ["StarlingSets"]),
        .library(name: "StarlingLog", targets: ["StarlingLog"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .target(name: "CStarling"),
        .target(name: "StarlingSystem", dependencies: ["CStarling"], swiftSettings: swiftSettings),
        .target(name: "StarlingMemory", dependencies: ["StarlingSystem"], swiftSettings: swiftSettings),
        .target(
            name: "StarlingSets", dependencies: ["StarlingMemory", "StarlingSystem", "CStarling"],
            swiftSettings: swiftSettings),
        .target(name: "StarlingLog", dependencies: ["StarlingSystem", "CLZ4"], swiftSettings: swiftSettings),
        .target(
            name: "StarlingSchema",
            dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["Protos"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "StarlingSimulation",
            dependencies: ["StarlingSystem"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "StarlingWire",
            dependencies: ["StarlingSchema", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "StarlingSetsTests", dependencies: ["StarlingSets", "StarlingMemory", "StarlingSystem"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "StarlingLogTests", dependencies: ["StarlingLog", "StarlingSimulation", "StarlingSystem"],
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
    ]
)
