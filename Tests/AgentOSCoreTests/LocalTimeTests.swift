import AgentOSCore
import Testing

@Suite("Time zones by their names")
struct LocalTimeTests {
    @Test(
        "names of the zone database are known, also those of no region, by what they stand for there",
        arguments: [
            ("UTC", 12), ("GMT", 12), ("Zulu", 12), ("Etc/UTC", 12), ("Japan", 3), ("Singapore", 4), ("CET", 10),
            ("EST", 17), ("EST5EDT", 16), ("MST", 19), ("MST7MDT", 18), ("Europe/Lisbon", 11), ("Etc/GMT+5", 17),
        ])
    func known(name: String, hour: Int) throws {
        let rule = ScheduleRule(.daily(minute: 720), in: try #require(LocalTime(zone: name)))
        let july = try #require(Timestamp(iso8601: "2026-07-01T00:00:00Z"))
        #expect(rule.next(after: july) == july.advanced(bySeconds: Double(hour) * 3600), "noon in \(name)")
    }

    @Test(
        "what is no zone is refused",
        arguments: [
            "", "posixrules", "Factory", "leapseconds", "localtime", "PST", "CEST", "GMT+8", "+02:00", "UTC+1",
            "/etc/localtime", "../UTC", "Europe/../UTC", "Europe//Berlin", "Europe/", "Europe/Ber.lin",
            "Europe/Atlantis", "utc",
        ])
    func refused(name: String) {
        #expect(LocalTime(zone: name) == nil)
    }
}
