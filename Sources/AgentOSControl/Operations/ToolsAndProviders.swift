import AgentOSCore
import AgentOSStore

extension Operation {
    static func tools(_ services: ControlServices) -> [Operation] {
        [
            Operation(
                "tools_list_builtin", "Lists the tools every agent can be given.",
                [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .role(.viewer),
                returns: .array(
                    .object([
                        ("name", .string), ("description", .string), ("input_schema", .freeObject),
                        ("writes", .boolean),
                    ]))
            ) { call in
                return .page(try Page(of: services.runtime.shelf.all, call.page(1000))) { tool in
                    [
                        "name": .string(tool.definition.name),
                        "description": .string(tool.definition.description),
                        "input_schema": tool.definition.inputSchema, "writes": .bool(tool.writes),
                    ]
                }
            }
        ]
    }

    static func providers(_ services: ControlServices) -> [Operation] {
        let stored = Parameter.required("provider_type", .choice(["anthropic", "openai"]), "The provider.")
        return [
            Operation(
                "providers_set", "Stores the workspace's own key for a model provider, encrypted.",
                [
                    stored, .required("api_key", .string(1...2000), "The provider's API key.").secret,
                    .optional("base_url", .string(1...2000), "Another endpoint that speaks the provider's protocol."),
                ], access: .person(.admin), returns: .object([("ok", .boolean), ("provider_type", .string)])
            ) { call in
                let workspace = try call.workspace.ref
                let provider = try provider(call.parameters)
                let key = try call.parameters.requiredString("api_key")
                guard key.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7f }) else {
                    throw AgentOSError.invalid("api_key", "must be printable ASCII without blanks")
                }
                let baseURL = call.parameters.string("base_url")
                if let baseURL { try await services.checkURL(baseURL, "base_url") }
                try await services.providers.set(workspace, provider, apiKey: key, baseURL: baseURL)
                services.providerDirectory.forget(workspace: workspace.key)
                return OperationResult(["ok": true, "provider_type": .string(provider.rawValue)])
            },
            Operation(
                "providers_list", "Lists the model providers and whether there is a key for them; never the key.",
                [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .role(.admin),
                returns: .array(
                    .object([
                        ("id", .string), ("provider_type", .string), ("configured", .boolean), ("source", .string),
                        ("key_hint", .nullable(.string)), ("base_url", .nullable(.string)),
                        ("updated_at", .nullable(.time)),
                    ]))
            ) { call in
                let page = try Page(of: ProviderType.allCases, call.page(1000))
                let records = try await services.providers.list(workspace: call.workspaceKey)
                return .page(page) { type in
                    let record = records.first { $0.provider == type }
                    let source =
                        record != nil
                        ? "workspace"
                        : type == .demo
                            ? "builtin"
                            : services.providerDirectory.isInEnvironment(type) ? "environment" : "none"
                    return [
                        "id": .string(type.rawValue), "provider_type": .string(type.rawValue),
                        "configured": .bool(source != "none"), "source": .string(source),
                        "key_hint": .optional(record?.keyHint), "base_url": .optional(record?.baseURL),
                        "updated_at": .time(record?.updatedAt),
                    ]
                }
            },
            Operation(
                "providers_delete", "Removes the workspace's stored key for a model provider.", [stored],
                access: .person(.admin), returns: .object([("ok", .boolean), ("provider_type", .string)])
            ) { call in
                let workspace = try call.workspaceKey
                let provider = try provider(call.parameters)
                try await services.providers.delete(workspace: workspace, provider)
                services.providerDirectory.forget(workspace: workspace)
                return OperationResult(["ok": true, "provider_type": .string(provider.rawValue)])
            },
        ]
    }

    private static func provider(_ parameters: Parameters) throws -> ProviderType {
        guard let type = ProviderType(rawValue: try parameters.requiredString("provider_type")) else {
            throw AgentOSError.invalid("provider_type", "is unknown")
        }
        return type
    }
}
