import AgentOSCore
import AgentOSStore
import AgentOSWire

extension Operation {
    static func schedules(_ services: ControlServices) -> [Operation] {
        [get(services), upsert(services), delete(services)]
    }

    private static let shape = ResultType.object([
        ("agent_id", .uuid), ("frequency", .nullable(.string)), ("day_of_week", .nullable(.integer)),
        ("hour_of_day", .integer), ("minute_of_hour", .integer), ("timezone", .string), ("cron", .nullable(.string)),
        ("input", .freeObject), ("prompt_variables", .freeObject), ("enabled", .boolean),
        ("next_run_at", .nullable(.time)), ("next_runs", .array(.time)), ("last_run_at", .nullable(.time)),
        ("last_skipped_at", .nullable(.time)),
    ])

    private static func view(_ schedule: Schedule, of agent: Agent) -> JSONValue {
        var next: [Timestamp] = []
        // Of an agent that takes no runs the times pass.
        if agent.status == .active, let first = schedule.nextRunAt {
            next = [first] + (schedule.rule?.upcoming(after: first, count: 4) ?? [])
        }
        return [
            "agent_id": .string("\(agent.id)"), "frequency": .optional(schedule.frequency),
            "day_of_week": .optionalInt(schedule.dayOfWeek), "hour_of_day": .int(schedule.minute / 60),
            "minute_of_hour": .int(schedule.minute % 60), "timezone": .string(schedule.timezone),
            "cron": .optional(schedule.cron),
            "input": (try? JSONParser.parse(schedule.input)) ?? .object(JSONObject()),
            "prompt_variables": .object(schedule.promptVariables), "enabled": .bool(schedule.isEnabled),
            "next_run_at": .time(next.first), "next_runs": .array(next.map { .time($0) }),
            "last_run_at": .time(schedule.lastRunAt), "last_skipped_at": .time(schedule.lastSkippedAt),
        ]
    }

    private static func get(_ services: ControlServices) -> Operation {
        Operation(
            "schedules_get", "Shows when an agent runs by itself, with the next five times; null when it does not.",
            [.agentID], readOnly: true, access: .role(.viewer), returns: .nullable(shape)
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            guard let schedule = try await services.schedules.schedule(ofAgent: agent.key) else {
                return OperationResult(.null)
            }
            return OperationResult(view(schedule, of: agent))
        }
    }

    private static func upsert(_ services: ControlServices) -> Operation {
        Operation(
            "schedules_upsert", "Has an agent run by itself, every day, every week or by a cron expression.",
            [
                .agentID, .optional("frequency", .choice(["daily", "weekly"]), "How often; required without cron."),
                .optional("day_of_week", .integer(0...6), "0 is Sunday; required for weekly."),
                .optional("hour_of_day", .integer(0...23), "Local hour (default 0)."),
                .optional("minute_of_hour", .integer(0...59), "Local minute (default 0)."),
                .optional("timezone", .string(1...64), "IANA name of the time zone (default UTC)."),
                .optional("cron", .string(1...200), "Five fields or @daily and the like, instead of frequency."),
                .optional("input", .object, "What each run is given (default {})."),
                .optional("prompt_variables", .object, "Values for {{KEY}} in the prompt, strings."),
                .optional("enabled", .boolean, "Whether it runs (default true)."),
            ], access: .role(.member), returns: shape
        ) { call in
            let parameters = call.parameters
            if let zone = parameters.string("timezone"), LocalTime(zone: zone) == nil {
                throw AgentOSError.invalid("timezone", "must be the IANA name of a time zone, e.g. Europe/Lisbon")
            }
            if parameters.value("cron") != nil, parameters.value("frequency") != nil {
                throw AgentOSError.invalid("cron", "cannot be combined with frequency")
            }
            if let cron = parameters.string("cron") {
                do {
                    _ = try CronExpression(cron)
                } catch let error as CronExpression.Invalid {
                    throw AgentOSError.invalid("cron", error.message)
                }
            }
            _ = try InvokeRequest.variables(parameters.value("prompt_variables"))
            let agent = try await services.agents.agent(parameters.id("agent_id"), workspace: call.workspaceKey)
            guard agent.runtimeType == .hosted else {
                throw AgentOSError.invalid("agent_id", "must be a hosted agent: this one runs elsewhere")
            }
            let schedule = try await services.schedules.upsert(agent: agent.key, workspace: agent.workspaceKey) {
                try apply(parameters, to: &$0, isNew: $1)
            }
            return OperationResult(view(schedule, of: agent))
        }
    }

    @Sendable
    private static func apply(_ parameters: Parameters, to schedule: inout Schedule, isNew: Bool) throws {
        if let frequency = parameters.string("frequency") {
            (schedule.frequency, schedule.cron) = (frequency, nil)
        } else if let cron = parameters.string("cron") {
            (schedule.frequency, schedule.cron) = (nil, cron)
        } else if isNew {
            throw AgentOSError.invalid("frequency", "is required")
        } else {
            for (name, current) in [("frequency", schedule.frequency), ("cron", schedule.cron)]
            where current != nil && parameters.mentions(name) {
                throw AgentOSError.invalid(name, "cannot be cleared: give the other of frequency and cron instead")
            }
        }
        if parameters.mentions("day_of_week") { schedule.dayOfWeek = parameters.int("day_of_week") }
        if schedule.frequency == "weekly", schedule.dayOfWeek == nil {
            throw AgentOSError.invalid("day_of_week", "is required for weekly")
        }
        if parameters.mentions("hour_of_day") {
            schedule.minute = (parameters.int("hour_of_day") ?? 0) * 60 + schedule.minute % 60
        }
        if parameters.mentions("minute_of_hour") {
            schedule.minute = schedule.minute / 60 * 60 + (parameters.int("minute_of_hour") ?? 0)
        }
        if parameters.mentions("timezone") { schedule.timezone = parameters.string("timezone") ?? "UTC" }
        if parameters.mentions("input") {
            schedule.input = JSONValue.object(parameters.object("input") ?? JSONObject()).encoded
        }
        if parameters.mentions("prompt_variables") {
            schedule.promptVariables = parameters.object("prompt_variables") ?? JSONObject()
        }
        if parameters.mentions("enabled") { schedule.isEnabled = parameters.bool("enabled") ?? true }
    }

    private static func delete(_ services: ControlServices) -> Operation {
        Operation(
            "schedules_delete", "Has an agent run by itself no more.", [.agentID], access: .role(.member),
            returns: .object([("ok", .boolean), ("agent_id", .uuid)])
        ) { call in
            let agent = try await services.agents.agent(call.parameters.id("agent_id"), workspace: call.workspaceKey)
            try await services.schedules.delete(agent: agent.key)
            return OperationResult(["ok": true, "agent_id": .string("\(agent.id)")])
        }
    }
}
