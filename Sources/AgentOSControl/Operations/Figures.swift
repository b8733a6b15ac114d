import AgentOSCore
import AgentOSStore

extension Operation {
    static func figures(_ services: ControlServices) -> [Operation] { [fleetHealth(services), usageSummary(services)] }

    /// `100 × (1 − failure rate)`; 100 without runs.
    private static func score(_ sums: DaySums) -> Double { ((1 - failureRate(sums)) * 1000).rounded() / 10 }

    /// Of the runs that came to an end of their own; cancelled ones say nothing about the agent.
    private static func failureRate(_ sums: DaySums) -> Double {
        let ended = sums.completed + sums.failed
        return ended == 0 ? 0 : Double(sums.failed) / Double(ended)
    }

    private static func fleetHealth(_ services: ControlServices) -> Operation {
        Operation(
            "fleet_health", "Shows how every agent did over the last days, the worst first.",
            [
                .optional("days", .integer(1...90), "How many days, today included (default 7)."),
                .limit(1...1000, default: 1000), .cursor,
            ], readOnly: true, access: .role(.viewer),
            returns: .array(
                .object([
                    ("agent_id", .uuid), ("agent_name", .string), ("status", .string), ("run_count", .integer),
                    ("completed_count", .integer), ("failed_count", .integer), ("failure_rate", .number),
                    ("open_findings", .freeObject), ("worst_severity", .nullable(.string)), ("health_score", .number),
                    ("health_score_start", .number),
                ]))
        ) { call in
            let page = try call.page(1000)
            let agents = try await services.figures.agents(
                workspace: call.workspaceKey, days: call.parameters.int("days") ?? 7)
            return .page(try Page(of: agents.sorted { place($0) < place($1) }, page, by: place)) { agent in
                let sums = agent.total
                return [
                    "agent_id": .string("\(agent.id)"), "agent_name": .string(agent.name),
                    "status": .string(agent.status), "run_count": .int(sums.runs),
                    "completed_count": .int(sums.completed), "failed_count": .int(sums.failed),
                    "failure_rate": .double(failureRate(sums)), "open_findings": [:], "worst_severity": .null,
                    "health_score": .double(score(sums)),
                    // Of the window's first day with runs, so that a trend can be seen.
                    "health_score_start": .double(agent.start.map(score) ?? 100),
                ]
            }
        }
    }

    /// The worst score first, of equal ones the agent with more failures.
    private static func place(_ agent: FigureStore.AgentFigures) -> ListPlace {
        ListPlace(
            .int(Int64((score(agent.total) * 10).rounded())), .int(-Int64(agent.total.failed)), .text(agent.name),
            .text("\(agent.id)"))
    }

    private static func members(_ sums: DaySums) -> [(String, JSONValue)] {
        [
            ("runs", .int(sums.runs)), ("completed", .int(sums.completed)), ("failed", .int(sums.failed)),
            ("cancelled", .int(sums.cancelled)), ("duration_ms", .int(sums.durationMilliseconds)),
            ("input_tokens", .int(sums.inputTokens)), ("output_tokens", .int(sums.outputTokens)),
            ("cache_read_tokens", .int(sums.cacheReadTokens)),
            ("cache_creation_tokens", .int(sums.cacheCreationTokens)), ("cost_usd", .double(sums.cost.usd)),
            ("unpriced_model_calls", .int(sums.unpricedCalls)),
        ]
    }

    private static func row(_ head: JSONObject, _ sums: DaySums) -> JSONValue {
        var row = head
        for (name, value) in members(sums) { row[name] = value }
        return .object(row)
    }

    private static let sumShape: [(String, ResultType)] = members(DaySums()).map { name, _ in
        (name, name == "cost_usd" ? .number : .integer)
    }

    private static func usageSummary(_ services: ControlServices) -> Operation {
        Operation(
            "usage_summary", "Sums runs, tokens and cost over the last days: in all, by agent, by model and by day.",
            [
                .optional("days", .integer(1...366), "How many days, today included (default 30)."),
                .optional("agent_id", .uuid, "Only this agent."),
            ], readOnly: true, access: .role(.viewer),
            returns: .object([
                ("total", .object(sumShape)),
                ("by_agent", .array(.object([("agent_id", .uuid), ("agent_name", .string)] + sumShape))),
                ("by_model", .array(.object([("model", .nullable(.string))] + sumShape))),
                ("by_day", .array(.object([("day", .string)] + sumShape))),
            ])
        ) { call in
            var key: Int64?
            if let id: AgentID = call.parameters.optionalID("agent_id") {
                key = try await services.agents.agent(id, workspace: call.workspaceKey).key
            }
            let usage = try await services.figures.usage(
                workspace: call.workspaceKey, days: call.parameters.int("days") ?? 30, only: key)
            let agentRows = usage.agents.map {
                row(["agent_id": .string("\($0.id)"), "agent_name": .string($0.name)], $0.sums)
            }
            let modelRows = usage.models.map {
                row(["model": $0.model.isEmpty ? .null : .string($0.model)], $0.sums)
            }
            let dayRows = usage.days.map { day, sums in
                row(["day": .string(String(Timestamp(microseconds: day * 86_400_000_000).iso8601.prefix(10)))], sums)
            }
            return OperationResult([
                "total": row([:], usage.total), "by_agent": .array(agentRows), "by_model": .array(modelRows),
                "by_day": .array(dayRows),
            ])
        }
    }
}
