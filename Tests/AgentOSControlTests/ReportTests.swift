import AgentOSControl
import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("Reports")
struct ReportTests {
    private let period: JSONObject = [
        "type": "workspace_weekly", "period_start": "2020-01-01T00:00:00Z", "period_end": "2040-01-01T00:00:00Z",
    ]

    @Test("figures come from the store, a few sentences from the provider; one that fails costs only those")
    func prose() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("All is **well** <script>alert(1)</script>."), .error(400), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let key = try await runtime.store.key()
                let run = try await runtime.store.run()
                try await runtime.store.runs.end(run, .failed(message: "The disk | is full", detail: nil))
                func report() async throws -> JSONValue {
                    let made = try await runtime.call("reports_generate", key: key, period)
                    return try await runtime.call(
                        "reports_get", key: key, ["report_id": try #require(made["id"]), "format": "html"])
                }
                let first = try await report()
                let text = try #require(first["content_md"]?.stringValue)
                #expect(text.contains("| Failed | 1 |") && text.contains("## In words\n\nAll is **well**"))
                #expect(fake.requests.first?.lastUserText.contains("The disk / is full") == true)
                let html = try #require(first["content_html"]?.stringValue)
                #expect(html.contains("<strong>well</strong>") && !html.contains("<script>"))
                #expect(html.contains("<td class=\"number\">1</td>"))
                let second = try await report()
                #expect(second["status"] == "ready")
                #expect(second["content_md"]?.stringValue?.contains("## In words") == false)
            }
        }
    }

    @Test("a schedule writes one report for each due time, mails it, and comes again")
    func schedule() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let (store, place) = (runtime.store, runtime.store.workspace.ref.key)
            let set = try await runtime.call(
                "reports_schedule_set", key: key,
                ["frequency": "daily", "hour_of_day": 6, "email": "a@example.org, b@example.org"])
            let first = try #require(set["next_run_at"]?.stringValue.flatMap { Timestamp(iso8601: $0) })
            let due = try #require(try await store.reports.schedule(workspace: place))
            store.clock.advance(bySeconds: Double(first.microseconds - store.clock.now.microseconds) / 1e6 + 1)
            store.queue.wake()
            try await eventually("the report is written") {
                try await runtime.call("reports_list", key: key).arrayValue?.isEmpty == false
            }
            // A second worker that woke up for the same time writes nothing.
            try await store.reports.settle(
                due, NewReport(type: "workspace_daily", workspace: place, summary: "again", content: ""), subject: "x")
            let reports = try await runtime.call("reports_list", key: key).arrayValue ?? []
            #expect(reports.map { $0["type"] } == ["workspace_daily"])
            #expect(reports.first?["period_end"]?.stringValue == first.iso8601)
            let after = try await runtime.call("reports_schedule_get", key: key)["next_run_at"]?.stringValue
            #expect(after == first.advanced(bySeconds: 86_400).iso8601)
            let bad = try await refusal {
                try await runtime.call("reports_schedule_set", key: key, ["frequency": "daily", "email": "nobody"])
            }
            #expect(bad?.details.first?.path == "email")
            let blank = try await refusal {
                try await runtime.call(
                    "reports_schedule_set", key: key, ["frequency": "daily", "email": "a@x.org, john doe@x.org"])
            }
            #expect(blank?.details.first?.path == "email")
            _ = try await runtime.call("reports_schedule_delete", key: key)
            #expect(try await runtime.call("reports_schedule_get", key: key)["frequency"] == "off")
        }
    }

    @Test(
        "the periods of a schedule join by the calendar, also when the clocks change",
        arguments: [
            ("daily", "2026-03-29T06:00:00Z", "2026-03-28T07:00:00Z"),
            ("daily", "2026-10-25T07:00:00Z", "2026-10-24T06:00:00Z"),
            ("daily", "2026-07-02T06:00:00Z", "2026-07-01T06:00:00Z"),
            ("weekly", "2026-10-26T07:00:00Z", "2026-10-19T06:00:00Z"),
            ("weekly", "2026-03-30T06:00:00Z", "2026-03-23T07:00:00Z"),
        ])
    func calendar(frequency: String, end: String, start: String) throws {
        let schedule = ReportSchedule(
            workspaceKey: 1, frequency: frequency, dayOfWeek: frequency == "weekly" ? 1 : nil, minute: 480,
            timezone: "Europe/Berlin", email: nil)
        let due = try #require(Timestamp(iso8601: end))
        #expect(schedule.start(of: due) == Timestamp(iso8601: start))
    }

    @Test("what was missed in an outage is made up for, a week of it at most", arguments: [(3.0, 4), (30.0, 8)])
    func outage(days: Double, written: Int) async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let store = runtime.store
            let set = try await runtime.call("reports_schedule_set", key: key, ["frequency": "daily"])
            let first = try #require(set["next_run_at"]?.stringValue.flatMap { Timestamp(iso8601: $0) })
            let end = first.advanced(bySeconds: days * 86_400)
            store.clock.advance(bySeconds: Double(end.microseconds - store.clock.now.microseconds) / 1e6 + 1)
            store.queue.wake()
            let after = end.advanced(bySeconds: 86_400).iso8601
            try await eventually("all are written") {
                try await runtime.call("reports_schedule_get", key: key)["next_run_at"]?.stringValue == after
            }
            // Newest first; the very first one stands alone when more was missed than is made up for.
            let reports = try await runtime.call("reports_list", key: key).arrayValue ?? []
            #expect(reports.count == written)
            #expect(reports.first?["period_end"]?.stringValue == end.iso8601)
            for (newer, older) in zip(reports, reports.dropFirst()).prefix(written - 2) {
                #expect(newer["period_start"] == older["period_end"])
            }
            #expect(reports.last?["period_end"]?.stringValue == first.iso8601)
        }
    }

    @Test("a job that is tried before its time waits for it again")
    func early() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let set = try await runtime.call("reports_schedule_set", key: key, ["frequency": "daily"])
            func job() async throws -> JSONValue? {
                try await runtime.call(
                    "jobs_list", key: key, ["kind": .string(ReportStore.scheduledJob)]
                ).arrayValue?.first
            }
            _ = try await runtime.call("jobs_retry", key: key, ["job_id": try #require(try await job()?["id"])])
            try await eventually("the job waits again") { try await job()?["state"] == "scheduled" }
            #expect(try await job()?["run_at"] == set["next_run_at"])
            #expect(try await runtime.call("reports_list", key: key).arrayValue == [])
        }
    }

    @Test("what has no known price is counted instead of being called free")
    func unpriced() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            for _ in 0..<2 {
                let run = try await runtime.store.run()
                try await runtime.store.runs.end(
                    run, .completed(output: nil, usage: GivenUsage(input: 1000, output: 200)))
            }
            let idle = try await runtime.store.run()
            try await runtime.store.runs.end(idle, .completed(output: nil, usage: GivenUsage()))
            let made = try await runtime.call("reports_generate", key: key, period)
            let report = try await runtime.call("reports_get", key: key, ["report_id": try #require(made["id"])])
            let text = report["content_md"]?.stringValue ?? ""
            #expect(text.contains("| Cost | unknown cost (2 runs without a known price) |"))
            #expect(text.contains("| Input tokens | 2000 |"))
            #expect(report["summary"]?.stringValue?.contains("0.0 US dollars") == false)
        }
    }

    @Test("cancelled runs are in no rate, and percentiles are those of the nearest rank")
    func figures() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let store = runtime.store
            for number in 1...20 {
                let run = try await store.run()
                store.clock.advance(bySeconds: Double(number))
                if number <= 10 {
                    try await store.runs.end(run, .cancelled(reason: "no"))
                } else if number == 11 {
                    try await store.runs.end(run, .failed(message: "no", detail: nil))
                } else {
                    try await store.runs.end(run, .completed(output: nil, usage: GivenUsage()))
                }
            }
            let made = try await runtime.call("reports_generate", key: key, period)
            let report = try await runtime.call("reports_get", key: key, ["report_id": try #require(made["id"])])
            let text = report["content_md"]?.stringValue ?? ""
            #expect(text.contains("| Failure rate | 10.0 % |"))
            #expect(text.contains("| Duration, 95th percentile | 19.0 s |"))
            #expect(text.contains("| Duration, median | 10.0 s |"))
        }
    }

    @Test("a message of several lines stays in its place")
    func lines() async throws {
        try await withRuntime { runtime in
            let key = try await runtime.store.key()
            let run = try await runtime.store.run()
            let message = "It broke\n```\n| a | b |\n# no"
            try await runtime.store.runs.end(run, .failed(message: message, detail: nil))
            let made = try await runtime.call(
                "reports_generate", key: key, ["type": "run_summary", "run_id": .string("\(run.id)")])
            let report = try await runtime.call(
                "reports_get", key: key, ["report_id": try #require(made["id"]), "format": "html"])
            #expect(report["summary"]?.stringValue?.hasSuffix("It broke ``` | a | b | # no") == true)
            #expect(report["content_md"]?.stringValue?.contains("\n````\n\(message)\n````\n") == true)
            #expect(report["content_html"]?.stringValue?.contains("<pre><code>\(message)</code></pre>") == true)
        }
    }
}
