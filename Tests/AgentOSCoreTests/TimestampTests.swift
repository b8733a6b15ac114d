import AgentOSCore
import AgentOSTestSupport
import Testing

@Suite struct TimestampTests {
    @Test(
        "a time is read in every form that clients send",
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-05-11T20:00:00.000Z", 1_778_529_600_000_000),
            ("2026-05-11T20:00:00.123456Z", 1_778_529_600_123_456),
            ("2026-05-11T20:00:00.1Z", 1_778_529_600_100_000),
            ("2026-05-11T20:00:00.123456789Z", 1_778_529_600_123_456),
            ("2026-05-11t20:00:00z", 1_778_529_600_000_000),
            ("2026-05-11 20:00:00+00:00", 1_778_529_600_000_000),
            ("2026-05-11T22:00:00+02:00", 1_778_529_600_000_000),
            ("2026-05-12T01:30:00+0530", 1_778_529_600_000_000),
            ("2026-05-11T12:30:00.5-07:30", 1_778_529_600_500_000),
            ("2026-05-11T20:00Z", 1_778_529_600_000_000),
            ("2026-05-11T22:00:00+02", 1_778_529_600_000_000),
            ("2026-05-11T22:00+02", 1_778_529_600_000_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000),
            ("1969-12-31T23:59:59.999Z", -1000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000_000),
        ])
    func reading(text: String, microseconds: Int64) {
        #expect(Timestamp(iso8601: text)?.microseconds == microseconds)
    }

    @Test(
        "a text that is no moment is refused",
        arguments: [
            "", "2026-05-11", "2026-05-11T20:00:00", "2026-05-11T20:00", "2026-05-11T20:00.5Z", "2026-13-11T20:00:00Z",
            "2026-00-11T20:00:00Z",
            "2026-05-32T20:00:00Z", "2026-05-00T20:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z", "2026-05-11T24:00:00Z", "2026-05-11T20:60:00Z", "2026-05-11T20:00:61Z",
            "2026-05-11T20:00:00.Z", "2026-05-11T20:00:00.1234567890Z", "2026-05-11T20:00:00+24:00",
            "2026-05-11T20:00:00+02:60", "2026-05-11T20:00:00+2", "2026-05-11T20:00:00+02:", "2026-05-11T20:00:00ZZ",
            "2026-05-11T20:00:00Z ",
            " 2026-05-11T20:00:00Z", "2026/05/11T20:00:00Z", "-026-05-11T20:00:00Z", "1778529600000",
            "2026-05-11T20:00:00+",
        ])
    func refusing(text: String) { #expect(Timestamp(iso8601: text) == nil) }

    @Test(
        "a time is written in UTC with milliseconds, rounded down",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_778_529_600_123_999, "2026-05-11T20:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (951_825_600_000_000, "2000-02-29T12:00:00.000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00.000Z"),
        ])
    func writing(microseconds: Int64, text: String) { #expect(Timestamp(microseconds: microseconds).iso8601 == text) }

    @Test("what was written is read back to the millisecond, over all centuries", arguments: 1...20)
    func roundTrip(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let time = Timestamp(
                microseconds: .random(in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &random))
            #expect(Timestamp(iso8601: time.iso8601)?.milliseconds == time.milliseconds)
        }
    }

    @Test("a time that an offset moves out of the four-digit years is refused, or can be written again")
    func beyondTheYears() async {
        await #expect(processExitsWith: .success) {
            for text in ["0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z"] {
                guard let time = Timestamp(iso8601: text) else { continue }
                guard Timestamp(iso8601: time.iso8601)?.milliseconds == time.milliseconds else { fatalError(text) }
            }
        }
    }

    @Test("a duration is never negative")
    func duration() {
        let start = Timestamp(microseconds: 5_000_000)
        #expect(start.advanced(bySeconds: 1.5).millisecondsSince(start) == 1500)
        #expect(start.millisecondsSince(start.advanced(bySeconds: 1)) == 0)
    }
}
