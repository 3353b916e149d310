import StarlingSystem

extension LogVerifier {
    /// Why opening for writing would refuse the log, with what the caller knows of it from a snapshot; nil when it would not.
    ///
    /// Like opening, it reads only the segments from the expected point on where index files vouch for the others. Takes
    /// no lock and changes nothing.
    public static func refusal(directory: String, disk: any Disk, expecting expectation: LogExpectation) -> LogError? {
        do {
            let path = LogFiles.directory(in: directory)
            let survey = try LogSurvey.run(directory: path, disk: disk, expectation: expectation)
            if case .refused(let error) = survey.verdict { return error }
            return nil
        } catch {
            return error
        }
    }
}
