// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that nobody who builds Starling builds its benchmarks. It measures the built executable from
// outside, as a user would, and the engine as a library from inside.
let package = Package(
    name: "starling-benchmarks",
    dependencies: [
        .package(name: "starling", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .target(name: "CBaselines"),
        .executableTarget(
            name: "starling-bench",
            dependencies: [
                "CBaselines",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "StarlingEngine", package: "starling"),
                .product(name: "StarlingLog", package: "starling"),
                .product(name: "StarlingSets", package: "starling"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ],
            // The allocator that the daemon has.
            linkerSettings: [.linkedLibrary("jemalloc")]
        ),
    ]
)
