import Glibc
import StarlingSystem
import Testing

@testable import StarlingLog

/// The same log on the machine's own file system.
@Suite struct PosixDiskTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/starling-log-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.flatMap { mkdtemp($0) } }
        let path = String(cString: try #require(made))
        defer {
            for name in (try? PosixDisk().list(path + "/data/log")) ?? [] { unlink(path + "/data/log/" + name) }
            for part in ["/data/log", "/data", ""] { rmdir(path + part) }
        }
        try body(path)
    }

    @Test func writesReopensAndReads() throws {
        try withDirectory { path in
            let disk = PosixDisk()
            let records = TestRecord.many(400, seed: 40, maximumBytes: 400)
            let configuration = Fixture.configuration(segmentBytes: 64 << 10)
            let opened = try Fixture.open(disk, configuration, directory: path + "/data")
            #expect(throws: LogError.locked(path: path + "/data/log/lock")) {
                try Fixture.open(disk, configuration, directory: path + "/data")
            }
            try opened.writer.commit(groups: groups(Array(records[..<200]), most: 30, seed: 41))
            try opened.writer.close(clean: false)
            let again = try Fixture.open(disk, configuration, directory: path + "/data")
            #expect(!again.report.wasClean)
            try again.writer.commit(groups: groups(Array(records[200...]), most: 30, seed: 42))
            #expect(try again.log.allRecords() == records)
            try again.writer.close(clean: true)
            #expect(again.report.segments >= 1)
            let report = LogVerifier.verify(directory: path + "/data", disk: disk, deep: true)
            #expect(report.outcome == .intact)
            #expect(report.segments.count > 1)
            #expect(report.segments.last?.fileBytes == 64 << 10)
        }
    }
}
