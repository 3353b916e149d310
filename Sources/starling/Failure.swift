import ArgumentParser
import StarlingClient
import StarlingEngine
import StarlingLog
import StarlingServer
import StarlingSystem

/// How a command ends when it fails: one line on standard error, and the exit code that the documentation promises.
struct Failure: Error, CustomStringConvertible {
    let description: String
    let code: Int32

    init(_ description: String, code: Int32) {
        self.description = description
        self.code = code
    }

    static func configuration(_ error: ConfigurationError) -> Failure { Failure("\(error)", code: 78) }

    /// From an error of a library. 64 usage, 65 damaged, 66 missing, 70 internal, 73 cannot create, 74 reading,
    /// 75 temporary, 78 configuration.
    init(_ error: any Error) {
        description = "\(error)"
        code =
            switch error {
            case let error as EngineOpenError: error.exitCode
            case let error as LogError: error.exitCode
            case is ConfigurationError: 78
            case is ListenError: 75
            case let error as BackupError: error.exitCode
            case is DiskError: 73
            case let error as ClientError: if case .cannotConnect = error { 75 } else { 70 }
            default: 70
            }
    }

    /// Runs a command's body; a failure is printed and ends the process.
    static func guarding<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ValidationError {
            throw error
        } catch {
            let failure = (error as? Failure) ?? Failure(error)
            StandardError.print("starling: \(failure.description)")
            throw ExitCode(failure.code)
        }
    }
}
