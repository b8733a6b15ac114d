import AgentOSCore
import Foundation
import Testing

@Suite("Times of cron expressions")
struct CronTimesTests {
    /// `[expression, zone, start, [time, …]]`, seconds since 1970; written by `make-cron-times.py`.
    private func cases() throws -> [JSONValue] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/cron-times.json")
        return try #require(try JSONParser.parse(Array(try Data(contentsOf: file))).arrayValue)
    }

    @Test("the next five times are those of croniter, around changes of the clocks too")
    func croniter() throws {
        let cases = try cases()
        #expect(cases.count == 3000)
        for item in cases {
            let parts = item.arrayValue ?? []
            let (text, zone) = (try #require(parts[0].stringValue), try #require(parts[1].stringValue))
            let start = try #require(parts[2].intValue)
            let rule = ScheduleRule(.cron(try CronExpression(text)), in: try #require(LocalTime(zone: zone)))
            let found = rule.upcoming(after: Timestamp(microseconds: Int64(start) * 1_000_000), count: 5)
            #expect(
                found.map { Int($0.microseconds / 1_000_000) } == parts[3].arrayValue?.compactMap(\.intValue),
                "\(text) in \(zone) after \(start)")
        }
    }

    @Test(
        "what cannot be a cron expression is refused",
        arguments: [
            "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 * ",
            "* * * * 8",
            "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *", "a * * * *", "@never", "0 0 31 feb *", "-1 * * * *",
        ])
    func refused(text: String) {
        #expect(throws: CronExpression.Invalid.self) { try CronExpression(text) }
    }
}
