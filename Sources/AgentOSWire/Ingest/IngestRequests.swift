import AgentOSCore

/// `POST /api/ingest/v1/run/start`
public struct RunStartRequest: Sendable {
    public let agentID: AgentID
    public let triggerType: TriggerType
    /// A JSON object as text.
    public let input: [UInt8]
    public let externalRunID: String?
    public let parentRunID: RunID?

    /// What a reporter may name; `agent` is set by the platform alone.
    private enum Reported: String, CaseIterable { case manual, scheduled, webhook, sdk }

    public init(_ json: CheckedJSON) throws {
        let fields = FieldReader(
            json, names: ["agent_id", "trigger_type", "input", "external_run_id", "parent_run_id"])
        agentID = AgentID(try fields.uuid("agent_id"))
        let trigger = try fields.optionalEnum("trigger_type", Reported.self) ?? .sdk
        triggerType = TriggerType(rawValue: trigger.rawValue) ?? .sdk
        input = try fields.optionalObject("input") ?? Array("{}".utf8)
        externalRunID = try fields.optionalString("external_run_id", 1...255)
        parentRunID = try fields.optionalUUID("parent_run_id").map(RunID.init)
    }
}

/// The three calls that end a run.
public struct RunEndRequest: Sendable {
    public enum Ending: Sendable {
        /// `output`: any JSON but null, as text.
        case complete(output: [UInt8]?, usage: GivenUsage)
        /// `detail`: a JSON object as text.
        case fail(message: String, detail: [UInt8]?)
        case cancel(reason: String?)
    }

    public let runID: RunID
    public let ending: Ending

    public static func complete(_ json: CheckedJSON) throws -> RunEndRequest {
        let fields = FieldReader(
            json,
            names: [
                "run_id", "output", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens",
            ])
        let runID = RunID(try fields.uuid("run_id"))
        let count = 0...Int.max
        let usage = GivenUsage(
            input: try fields.optionalInt("input_tokens", count),
            output: try fields.optionalInt("output_tokens", count),
            cacheRead: try fields.optionalInt("cache_read_tokens", count),
            cacheCreation: try fields.optionalInt("cache_creation_tokens", count))
        return RunEndRequest(
            runID: runID, ending: .complete(output: try fields.optionalValue("output"), usage: usage))
    }

    /// - Parameter cutsLongMessages: cut a message over the bound instead of refusing it, for clients that do not bound
    ///   it themselves and would leave the run open.
    public static func fail(_ json: CheckedJSON, cutsLongMessages: Bool) throws -> RunEndRequest {
        let fields = FieldReader(json, names: ["run_id", "error_message", "error_detail"])
        let runID = RunID(try fields.uuid("run_id"))
        let bound = cutsLongMessages ? Int.max : 4000
        let message = try fields.string("error_message", 1...bound).cut(toScalars: 4000)
        return RunEndRequest(
            runID: runID, ending: .fail(message: message, detail: try fields.optionalObject("error_detail")))
    }

    public static func cancel(_ json: CheckedJSON) throws -> RunEndRequest {
        let fields = FieldReader(json, names: ["run_id", "reason"])
        return RunEndRequest(
            runID: RunID(try fields.uuid("run_id")),
            ending: .cancel(reason: try fields.optionalString("reason", 0...1000)))
    }
}

/// `POST /api/ingest/v1/tasks`
public struct TaskRequest: Sendable {
    public let runID: RunID
    public let taskID: TaskID
    public let name: String
    public let status: TaskStatus
    public let input: [UInt8]?
    public let output: [UInt8]?
    public let errorMessage: String?

    public init(_ json: CheckedJSON) throws {
        let fields = FieldReader(json, names: ["run_id", "task"])
        runID = RunID(try fields.uuid("run_id"))
        let task = try fields.object("task", names: ["id", "name", "status", "input", "output", "error_message"])
        taskID = TaskID(try task.uuid("id"))
        name = try task.string("name", 1...255)
        guard let status = try task.optionalEnum("status", TaskStatus.self) else {
            throw task.invalid("status", "is required")
        }
        self.status = status
        input = try task.optionalValue("input")
        output = try task.optionalValue("output")
        errorMessage = try task.optionalString("error_message", 0...Int.max)?.cut(toScalars: 4000)
    }
}

/// `POST /api/ingest/v1/human-input/request`
public struct HumanInputRequest: Sendable {
    public let runID: RunID
    public let prompt: String
    public let timeoutSeconds: Int
    public let context: [UInt8]?
    /// Given on every poll but the first.
    public let requestID: HumanRequestID?

    public init(_ json: CheckedJSON) throws {
        let fields = FieldReader(json, names: ["run_id", "prompt", "timeout_seconds", "context", "request_id"])
        runID = RunID(try fields.uuid("run_id"))
        prompt = try fields.string("prompt", 1...10_000)
        timeoutSeconds = try fields.optionalInt("timeout_seconds", 1...604_800) ?? 3600
        context = try fields.optionalObject("context")
        requestID = try fields.optionalUUID("request_id").map(HumanRequestID.init)
    }
}

/// `POST /api/v1/runs/:id/human-input` and `/reply`
public struct AnswerRequest: Sendable {
    public let requestID: HumanRequestID?
    public let response: String

    public init(_ json: CheckedJSON, namesRequest: Bool) throws {
        let fields = FieldReader(json, names: ["request_id", "response"])
        requestID = namesRequest ? HumanRequestID(try fields.uuid("request_id")) : nil
        response = try fields.string("response", 1...20_000)
    }
}

extension String {
    /// The first `count` Unicode code points.
    public func cut(toScalars count: Int) -> String {
        guard utf8.count > count, unicodeScalars.count > count else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
