import StarlingSystem

extension CrashCampaign.Setting {
    /// Makes a copy of a directory; one that is not there gives none.
    func copy(_ source: String, to destination: String) async throws {
        try await remove(destination)
        guard PosixDisk().exists(source) else { return }
        try await run("cp", ["-a", source, destination])
    }

    func remove(_ path: String) async throws { try await run("rm", ["-rf", path]) }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let (ending, _) = try await ChildProcess.run(program, arguments, errors: launcher.errors)
        guard ending == .exit(0) else {
            throw CrashCheckError("\(program) \(arguments.joined(separator: " ")): \(ending); see \(launcher.errors)")
        }
    }

    /// What daemons have said last on standard error.
    func lastWords() -> String {
        guard let file = try? PosixDisk().open(launcher.errors, .read), let size = try? file.size() else { return "" }
        var bytes = [UInt8](repeating: 0, count: Int(min(size, 600)))
        let start = size - UInt64(bytes.count)
        let count = bytes.withUnsafeMutableBytes { (try? file.read(into: $0, at: start)) ?? 0 }
        let lines = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").suffix(2)
        return lines.isEmpty ? "" : "; its last words: " + lines.joined(separator: " / ")
    }
}

extension CrashCampaign {
    func lastWords() -> String { setting.lastWords() }
}
