import AgentOSCore

/// What a call may look like: the required parameters, with values that fit.
enum ParameterExamples {
    /// Stands for an object's id.
    static let id = "0198c0de-0000-7000-8000-000000000001"

    /// Parameters that belong to a call although they are not required of every call, or whose form their type does not
    /// tell.
    private static let additions: [String: JSONObject] = [
        "agents_create": [
            "name": "Support", "system_prompt": "You answer questions about {{PRODUCT}}.",
            "prompt_variables": ["PRODUCT": ["description": "What is sold.", "value": "Tea"]],
        ],
        "agents_update": ["description": "Answers customers."], "runs_invoke": ["input": ["message": "Hello"]],
        "alerts_create": [
            "name": "Failures", "condition_type": "run_failed", "channels": ["email"],
            "notification_config": ["email": "ada@example.com"],
        ],
        "alerts_update": ["active": true],
        "evals_create_case": [
            "name": "Greets", "input": ["message": "Hello"], "assertions": [["type": "no_error"]],
        ],
        "schedules_upsert": ["frequency": "daily", "hour_of_day": 9, "timezone": "Europe/Berlin"],
        "reports_generate": [
            "type": "on_demand", "agent_id": .string(id), "period_start": "2026-01-01T00:00:00Z",
            "period_end": "2026-01-08T00:00:00Z",
        ],
        "reports_schedule_set": ["frequency": "weekly", "timezone": "Europe/Berlin", "email": "ada@example.com"],
        "runs_search": ["query": "refund \"order 17\""], "budgets_set": ["daily_usd": 5],
        "members_invite": ["email": "ada@example.com", "role": "member"],
        "resources_create": ["filename": "prices.csv", "content": "item,price\ntea,3"],
        "resources_delete": ["filename": "prices.csv"], "webhooks_update": ["enabled": true],
        "marketplace_install_template": ["template_id": "web-researcher"],
        "workspaces_create": ["name": "Research"], "workspaces_delete": ["confirm": "research"],
        "tools_create_workspace": [
            "name": "find_order", "method": "GET", "url": "https://example.com/orders/{number}",
            "description": "Finds an order by its number.",
        ],
    ]

    static func example(of operation: Operation) -> JSONObject {
        var out = example(of: operation.parameters.parameters)
        for (name, value) in additions[operation.name]?.members ?? [] { out[name] = value }
        return out
    }

    static func example(of parameters: [Parameter]) -> JSONObject {
        var out = JSONObject()
        for parameter in parameters where parameter.isRequired { out[parameter.name] = value(parameter) }
        return out
    }

    private static func value(_ parameter: Parameter) -> JSONValue {
        switch parameter.name {
        case "url", "base_url": "https://example.com/hook"
        case "email": "ada@example.com"
        default: value(parameter.type)
        }
    }

    private static func value(_ type: ParameterType) -> JSONValue {
        switch type {
        case .uuid: .string(id)
        case .string: "example"
        case .choice(let words): .string(words.first ?? "")
        case .integer(let range): .int(max(range.lowerBound, min(range.upperBound, 1)))
        case .number(let range): .double(range.lowerBound)
        case .boolean: true
        case .object: [:]
        case .array(let element, let range): range.lowerBound == 0 ? [] : .array([value(element)])
        }
    }
}
