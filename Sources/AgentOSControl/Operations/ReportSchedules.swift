import AgentOSCore
import AgentOSStore

extension Operation {
    static func reportSchedules(_ services: ControlServices) -> [Operation] {
        [setReportSchedule(services), getReportSchedule(services), deleteReportSchedule(services)]
    }

    private static let shape = ResultType.object([
        ("frequency", .choice(["off", "daily", "weekly"])), ("day_of_week", .nullable(.integer)),
        ("hour_of_day", .nullable(.integer)), ("minute_of_hour", .nullable(.integer)), ("timezone", .nullable(.string)),
        ("email", .nullable(.string)), ("next_run_at", .nullable(.time)),
    ])

    private static func view(_ schedule: ReportSchedule?) -> JSONValue {
        [
            "frequency": .string(schedule?.frequency ?? "off"), "day_of_week": .optionalInt(schedule?.dayOfWeek),
            "hour_of_day": .optionalInt(schedule.map { $0.minute / 60 }),
            "minute_of_hour": .optionalInt(schedule.map { $0.minute % 60 }), "timezone": .optional(schedule?.timezone),
            "email": .optional(schedule?.email), "next_run_at": .time(schedule?.nextRunAt),
        ]
    }

    private static func setReportSchedule(_ services: ControlServices) -> Operation {
        Operation(
            "reports_schedule_set",
            "Has a report of the workspace write itself every day or week, and mails it if wanted.",
            [
                .required("frequency", .choice(["daily", "weekly"]), "How often."),
                .optional("day_of_week", .integer(0...6), "0 is Sunday; for weekly (default 1)."),
                .optional("hour_of_day", .integer(0...23), "Local hour (default 8)."),
                .optional("minute_of_hour", .integer(0...59), "Local minute (default 0)."),
                .optional("timezone", .string(1...60), "An IANA time zone (default UTC)."),
                .optional("email", .string(3...500), "Addresses by commas; default: no mail."),
            ], access: .role(.admin), returns: shape
        ) { call in
            let parameters = call.parameters
            let zone = parameters.string("timezone") ?? "UTC"
            guard LocalTime(zone: zone) != nil else {
                throw AgentOSError.invalid("timezone", "must be the IANA name of a time zone, e.g. Europe/Lisbon")
            }
            let frequency = try parameters.requiredString("frequency")
            if let email = parameters.string("email") { try checkAddresses(email, "email") }
            let schedule = ReportSchedule(
                workspaceKey: try call.workspaceKey, frequency: frequency,
                dayOfWeek: frequency == "weekly" ? parameters.int("day_of_week") ?? 1 : nil,
                minute: (parameters.int("hour_of_day") ?? 8) * 60 + (parameters.int("minute_of_hour") ?? 0),
                timezone: zone, email: parameters.string("email"))
            return OperationResult(view(try await services.reports.set(schedule)))
        }
    }

    private static func getReportSchedule(_ services: ControlServices) -> Operation {
        Operation(
            "reports_schedule_get", "Shows when the workspace's report writes itself; `off` when it does not.", [],
            readOnly: true, access: .role(.viewer), returns: shape
        ) { call in
            OperationResult(view(try await services.reports.schedule(workspace: call.workspaceKey)))
        }
    }

    private static func deleteReportSchedule(_ services: ControlServices) -> Operation {
        Operation(
            "reports_schedule_delete", "Has the workspace's report write itself no more.", [], access: .role(.admin),
            returns: .object([("ok", .boolean)])
        ) { call in
            try await services.reports.deleteSchedule(workspace: call.workspaceKey)
            return OperationResult(["ok": true])
        }
    }
}
