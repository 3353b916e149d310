import StarlingSchema
import SwiftProtobuf
import Testing

struct TimestampBindingTests {
    private let fixture: BindingFixture

    init() throws { fixture = try BindingFixture() }

    private func bind(_ time: String) throws -> Google_Protobuf_Timestamp {
        let body = #"{"rows":[{"since":"\#(time)"}]}"#
        let request = try fixture.bind(Starling_V1_BatchFollowsRequest.self, "POST", "/v1/batch/follows", body: body)
        return request.rows[0].since
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0), ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
            ("2000-02-29T12:00:00Z", 951_825_600, 0), ("2026-01-02T03:04:05+01:30", 1_767_317_645, 0),
            ("2026-01-02T03:04:05.000000001-00:30", 1_767_324_845, 1), ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
            ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
            ("2024-12-31t23:59:59z", 1_735_689_599, 0),
        ] as [(String, Int64, Int32)])
    func moment(text: String, seconds: Int64, nanoseconds: Int32) throws {
        #expect(try bind(text) == Google_Protobuf_Timestamp(seconds: seconds, nanos: nanoseconds))
    }

    @Test(arguments: [
        "", "now", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00Z ", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "-001-01-01T00:00:00Z", "20260-01-01T00:00:00Z", "1767323045",
    ])
    func noMoment(text: String) {
        #expect(throws: BindingError.self) { try bind(text) }
    }

    @Test func whatATimeLooksLike() {
        let error = fixture.failure(
            Starling_V1_BatchFollowsRequest.self, "POST", "/v1/batch/follows", body: #"{"rows":[{"since":5}]}"#)
        #expect(
            error?.description
                == "rows[0].since: must be a time as in 2026-01-02T03:04:05Z (RFC 3339), from the year 1 to 9999")
    }
}
