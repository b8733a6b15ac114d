import AgentOSAutomation
import AgentOSCore
import AgentOSStore

extension Operation {
    static func reports(_ services: ControlServices) -> [Operation] {
        [list(services), get(services), generate(services), delete(services)] + reportSchedules(services)
    }

    private static let id = Parameter.required("report_id", .uuid, "The report.")
    private static let types = [
        "run_summary", "agent_daily", "agent_weekly", "workspace_weekly", "on_demand",
        "workspace_daily",
    ]
    private static let states = ["generating", "ready", "failed"]
    private static let summaryShape: [(String, ResultType)] = [
        ("id", .uuid), ("type", .choice(types)), ("status", .choice(states)), ("summary", .nullable(.string)),
        ("agent_id", .nullable(.uuid)), ("run_id", .nullable(.uuid)), ("period_start", .nullable(.time)),
        ("period_end", .nullable(.time)), ("created_at", .time),
    ]

    private static func view(_ report: Report) -> JSONObject {
        [
            "id": .string("\(report.id)"), "type": .string(report.type), "status": .string(report.status),
            "summary": .optional(report.summary), "agent_id": .optional(report.agentID?.description),
            "run_id": .optional(report.runID?.description), "period_start": .time(report.periodStart),
            "period_end": .time(report.periodEnd), "created_at": .time(report.createdAt),
        ]
    }

    private static func list(_ services: ControlServices) -> Operation {
        Operation(
            "reports_list", "Lists reports, newest first.",
            [
                .optional("agent_id", .uuid, "Only of this agent."),
                .optional("status", .choice(states), "Only in this state."), .limit(), .cursor,
            ], readOnly: true, access: .role(.viewer), returns: .array(.object(summaryShape))
        ) { call in
            let page = try call.page()
            var agent: Int64?
            if let id: AgentID = call.parameters.optionalID("agent_id") {
                agent = try await services.agents.agent(id, workspace: call.workspaceKey).key
            }
            let found = try await services.reports.list(
                workspace: call.workspaceKey, agent: agent, status: call.parameters.string("status"), page)
            return .page(found) { .object(view($0)) }
        }
    }

    private static func get(_ services: ControlServices) -> Operation {
        Operation(
            "reports_get", "Shows a report as markdown, or also as a page to print.",
            [id, .optional("format", .choice(["markdown", "html"]), "html: also `content_html` (default markdown).")],
            readOnly: true, access: .role(.viewer),
            returns: .open(
                summaryShape + [("content_md", .nullable(.string)), ("error_message", .nullable(.string))])
        ) { call in
            let report = try await services.reports.report(
                call.parameters.id("report_id"), workspace: call.workspaceKey)
            var answer = view(report)
            answer["content_md"] = .optional(report.content)
            answer["error_message"] = .optional(report.errorMessage)
            if call.parameters.string("format") == "html" {
                answer["content_html"] = .optional(
                    report.content.map { MarkdownPage.html($0, title: report.summary ?? "Report") })
            }
            return OperationResult(.object(answer))
        }
    }

    private static func generate(_ services: ControlServices) -> Operation {
        Operation(
            "reports_generate", "Writes a report of a run, or of a period of an agent or the workspace.",
            [
                .required("type", .choice(types), "What kind."), .optional("agent_id", .uuid, "Of which agent."),
                .optional("run_id", .uuid, "Of which run; for run_summary."),
                .optional("period_start", .string(1...40), "ISO 8601."),
                .optional("period_end", .string(1...40), "ISO 8601, after the start."),
            ], access: .role(.member),
            returns: .object([("report_id", .uuid), ("id", .uuid), ("status", .choice(states))])
        ) { call in
            let type = try call.parameters.requiredString("type")
            let report =
                type == "run_summary" ? try await ofRun(call, services) : try await ofPeriod(type, call, services)
            return OperationResult([
                "report_id": .string("\(report)"), "id": .string("\(report)"), "status": "ready",
            ])
        }
    }

    private static func ofRun(_ call: OperationCall, _ services: ControlServices) async throws -> ReportID {
        guard let id: RunID = call.parameters.optionalID("run_id") else {
            throw AgentOSError.invalid("run_id", "is required for run_summary")
        }
        let workspace = try call.workspaceKey
        let run = try await services.runs.detail(id, workspace: workspace)
        let agent = try await services.agents.agent(run.summary.agentID, workspace: workspace)
        return try await services.reports.insert(
            await services.automation.reporter.run(run, of: agent, in: call.workspace.ref))
    }

    private static func ofPeriod(
        _ type: String, _ call: OperationCall, _ services: ControlServices
    ) async throws -> ReportID {
        let ofAgent = !type.hasPrefix("workspace_")
        let id: AgentID? = call.parameters.optionalID("agent_id")
        if ofAgent, id == nil { throw AgentOSError.invalid("agent_id", "is required for \(type)") }
        let start = try time("period_start", type, call)
        let end = try time("period_end", type, call)
        guard end > start else { throw AgentOSError.invalid("period_end", "must be after period_start") }
        let workspace = try call.workspace
        var agent: Agent?
        if ofAgent, let id { agent = try await services.agents.agent(id, workspace: workspace.ref.key) }
        return try await services.reports.insert(
            try await services.automation.reporter.period(type: type, of: workspace, agent: agent, from: start, to: end)
        )
    }

    private static func time(_ name: String, _ type: String, _ call: OperationCall) throws -> Timestamp {
        guard let text = call.parameters.string(name) else {
            throw AgentOSError.invalid(name, "is required for \(type)")
        }
        guard let time = Timestamp(iso8601: text) else {
            throw AgentOSError.invalid(name, "must be an ISO 8601 time")
        }
        return time
    }

    private static func delete(_ services: ControlServices) -> Operation {
        Operation(
            "reports_delete", "Deletes a report.", [id], access: .role(.admin),
            returns: .object([("ok", .boolean), ("report_id", .uuid)])
        ) { call in
            let id: ReportID = try call.parameters.id("report_id")
            try await services.reports.delete(id, workspace: call.workspaceKey)
            return OperationResult(["ok": true, "report_id": .string("\(id)")])
        }
    }
}
