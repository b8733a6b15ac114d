import AgentOSCore
import AgentOSRuntime

extension Operation {
    static func replay(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "runs_replay",
                "Makes a new run that takes over the record of another up to a step and goes on live from there.",
                [
                    .runID,
                    .optional(
                        "from_step", .integer(1...100_000),
                        "The first step made anew; model and tool calls count from 1 (default 1: all of it)."),
                    .optional(
                        "overrides", .object,
                        "What is changed: system_prompt, provider_type, model, input, temperature, max_tokens, tools."),
                ], access: .role(.member),
                returns: .object([
                    ("ok", .boolean), ("run_id", .uuid), ("id", .uuid), ("origin_run_id", .uuid),
                    ("from_step", .integer), ("status", .string),
                ])
            ) { call in
                let workspace = try call.workspace.ref
                let origin = try await services.runs.ref(call.parameters.id("run_id"), workspace: workspace.key)
                let given = call.parameters.object("overrides") ?? JSONObject()
                let checked = try overrideSchema.check(given, inside: "overrides")
                var overrides = Runtime.Overrides()
                overrides.systemPrompt = checked.string("system_prompt")
                overrides.provider = checked.string("provider_type").flatMap(ProviderType.init)
                overrides.model = checked.string("model")
                overrides.input = checked.object("input")
                overrides.temperature = checked.double("temperature")
                overrides.maxTokens = checked.int("max_tokens")
                overrides.tools = checked.strings("tools")
                let step = call.parameters.int("from_step")
                let started = try await services.runtime.replay(
                    origin, fromStep: step, overrides, workspace: workspace)
                return OperationResult([
                    "ok": true, "run_id": .string("\(started.ref.id)"), "id": .string("\(started.ref.id)"),
                    "origin_run_id": .string("\(origin.id)"), "from_step": .int(step ?? 1), "status": "running",
                ])
            }
        ]
    }

    private static let overrideSchema = ParameterSchema([
        .optional("system_prompt", .string(1...100_000), "Other instructions."),
        .optional("provider_type", .choice(ProviderType.allCases.map(\.rawValue)), "Another provider."),
        .optional("model", .string(1...200), "Another model."),
        .optional("input", .object, "Another input."),
        .optional("temperature", .number(0...2), "Another temperature."),
        .optional("max_tokens", .integer(1...200_000), "Other tokens of one reply."),
        .optional("tools", .array(.string(1...200), 0...100), "Other tools."),
    ])
}
