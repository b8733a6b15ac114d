import AgentOSCore
import AgentOSStore

/// Reports as markdown, out of the store's figures.
public enum ReportWriter {
    public static func period(
        title: String, from start: Timestamp, to end: Timestamp, _ figures: ReportStore.PeriodFigures
    ) -> (summary: String, content: String) {
        let sums = figures.sums
        // As `fleet_health` has it: whoever cancels a run says nothing of how it would have ended.
        let judged = sums.completed + sums.failed
        let rate = judged == 0 ? 0 : Double(sums.failed) * 100 / Double(judged)
        let summary =
            sums.runs == 0
            ? "No runs ended." : "\(sums.runs) runs, \(sums.failed) failed (\(short(rate)) %), \(cost(figures))."
        var lines = [
            "# \(line(title))", "", "\(start.iso8601) to \(end.iso8601)", "", summary, "", "## Figures", "",
            "| | |", "|---|---:|", "| Runs | \(sums.runs) |", "| Completed | \(sums.completed) |",
            "| Failed | \(sums.failed) |", "| Cancelled | \(sums.cancelled) |", "| Failure rate | \(short(rate)) % |",
            "| Duration, median | \(time(figures.median)) |",
            "| Duration, 95th percentile | \(time(figures.percentile95)) |",
            "| Input tokens | \(sums.inputTokens) |", "| Output tokens | \(sums.outputTokens) |",
            "| Cost | \(cost(figures)) |",
        ]
        if !figures.failures.isEmpty {
            lines += ["", "## Failures by message", "", "| Message | Runs |", "|---|---:|"]
            lines += figures.failures.map { "| \(cell($0.message)) | \($0.count) |" }
        }
        if !figures.slowest.isEmpty {
            lines += ["", "## Slowest runs", "", "| Run | Agent | Duration |", "|---|---|---:|"]
            lines += figures.slowest.map { "| \($0.run) | \(cell($0.agent)) | \(time($0.milliseconds)) |" }
        }
        return (summary, lines.joined(separator: "\n") + "\n")
    }

    public static func run(_ run: RunDetail) -> (summary: String, content: String) {
        let facts = run.summary
        let took = facts.durationMilliseconds.map { " after \(time($0))" } ?? ""
        var summary = "The run of \(line(facts.agentName)) is \(facts.status.rawValue)\(took)."
        if let message = facts.errorMessage { summary += " \(line(String(message.prefix(300))))" }
        var lines = [
            "# Run \(facts.id)", "", summary, "", "| | |", "|---|---|", "| Agent | \(cell(facts.agentName)) |",
            "| Status | \(facts.status.rawValue) |", "| Trigger | \(facts.triggerType.rawValue) |",
            "| Started | \(facts.startedAt.iso8601) |", "| Ended | \(facts.completedAt?.iso8601 ?? "–") |",
            "| Duration | \(time(facts.durationMilliseconds)) |", "| Events | \(facts.eventCount) |",
            "| Input tokens | \(facts.tokens.input ?? 0) |", "| Output tokens | \(facts.tokens.output ?? 0) |",
            "| Cost | \(facts.cost.map(money) ?? "unknown") |",
        ]
        if let message = facts.errorMessage { lines += ["", "## Error", ""] + fenced(message) }
        if !run.tasks.isEmpty {
            lines += ["", "## Tasks", "", "| Task | Status | Error |", "|---|---|---|"]
            lines += run.tasks.map { "| \(cell($0.name)) | \($0.status.rawValue) | \(cell($0.errorMessage ?? "")) |" }
        }
        for (title, json) in [("Input", run.input), ("Output", run.output ?? [])] where !json.isEmpty {
            let text = String(decoding: json.prefix(4000), as: UTF8.self)
            lines += ["", "## \(title)", ""] + fenced(text, language: "json")
        }
        return (summary, lines.joined(separator: "\n") + "\n")
    }

    private static func short(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }

    private static func money(_ money: Money) -> String { "\((money.usd * 10_000).rounded() / 10_000) US dollars" }

    /// What is known of the runs' cost, and of how many it is not.
    private static func cost(_ figures: ReportStore.PeriodFigures) -> String {
        let unpriced = figures.unpricedRuns
        guard unpriced > 0 else { return money(figures.sums.cost) }
        let missing = "\(unpriced) \(unpriced == 1 ? "run" : "runs") without a known price"
        return figures.sums.cost == .zero ? "unknown cost (\(missing))" : "\(money(figures.sums.cost)) and \(missing)"
    }

    private static func time(_ milliseconds: Int?) -> String {
        guard let milliseconds else { return "–" }
        return milliseconds < 10_000 ? "\(milliseconds) ms" : "\(short(Double(milliseconds) / 1000)) s"
    }

    /// On one line.
    private static func line(_ text: String) -> String { String(text.map { $0.isNewline ? " " : $0 }) }

    /// Kept inside its cell.
    private static func cell(_ text: String) -> String { String(line(text).map { $0 == "|" ? "/" : $0 }) }

    /// As a block that nothing in the text can end: its fence is longer than any run of backticks inside.
    private static func fenced(_ text: String, language: String = "") -> [String] {
        var (longest, current) = (2, 0)
        for scalar in text.unicodeScalars {
            current = scalar == "`" ? current + 1 : 0
            longest = max(longest, current)
        }
        let fence = String(repeating: "`", count: longest + 1)
        return [fence + language, text, fence]
    }
}
