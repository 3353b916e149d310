import Glibc

/// libFuzzer's entry for programs that have a `main` of their own.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ testOneInput: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// One program for all targets. `STARLING_FUZZ_TARGET` names the one to run, because libFuzzer starts the program again
/// with arguments of its own when it merges corpora; all arguments are libFuzzer's. Without the variable,
/// `starling-fuzz list` prints the targets, and `starling-fuzz seeds DIR` writes a first corpus for each.
@main
struct StarlingFuzz {
    static func main() throws {
        if let name = getenv("STARLING_FUZZ_TARGET").map({ String(cString: $0) }) { return fuzz(name) }
        let arguments = CommandLine.arguments.dropFirst()
        switch (arguments.first, arguments.count) {
        case ("list", 1): for target in fuzzTargets { print(target.name, target.maximumBytes) }
        case ("seeds", 2): try writeSeeds(to: arguments[2])
        default:
            writeError("usage: starling-fuzz list | seeds DIR; or STARLING_FUZZ_TARGET=NAME starling-fuzz CORPUS")
            exit(64)
        }
    }

    private static func fuzz(_ name: String) {
        guard let target = fuzzTargets.first(where: { $0.name == name }) else {
            writeError("there is no target called \(name); `starling-fuzz list` prints them")
            exit(64)
        }
        chosen = target
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments) { bytes, count in testOneInput(bytes, count) })
    }

    private static func writeSeeds(to directory: String) throws {
        mkdir(directory, 0o777)
        for target in fuzzTargets {
            mkdir(directory + "/" + target.name, 0o777)
            for (number, seed) in try target.seeds().enumerated() {
                let path = "\(directory)/\(target.name)/seed-\(number)"
                guard let file = fopen(path, "wb") else { throw SeedError(path: path) }
                defer { fclose(file) }
                guard fwrite(seed, 1, seed.count, file) == seed.count else { throw SeedError(path: path) }
            }
        }
    }
}

/// The target that runs. Set once, before the first input.
nonisolated(unsafe) private var chosen: any FuzzTarget.Type = EnvelopeTarget.self

private func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    do {
        try chosen.run(UnsafeRawBufferPointer(start: bytes, count: count))
    } catch {
        report("the target \(chosen.name) threw \(error)")
    }
    return 0
}

/// A seed that could not be written.
private struct SeedError: Error, CustomStringConvertible {
    let path: String
    var description: String { "cannot write \(path)" }
}
