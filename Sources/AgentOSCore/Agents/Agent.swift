/// Where an agent's code runs.
public enum RuntimeType: String, Sendable, CaseIterable {
    /// Here: model and tools are called by this server.
    case hosted
    /// Elsewhere: its runs are reported through ingest.
    case external
}

public enum AgentStatus: String, Sendable, CaseIterable {
    case active, paused, archived
}

public enum ProviderType: String, Sendable, CaseIterable {
    case anthropic, openai, demo
}

/// A value for a `{{KEY}}` of the system prompt that an agent brings along.
public struct PromptVariable: Sendable, Hashable {
    public var description: String?
    public var value: String?

    public init(description: String? = nil, value: String? = nil) {
        self.description = description
        self.value = value
    }
}

/// An agent's configuration. Every run works with the one that was current when it began.
public struct Agent: Sendable, Equatable {
    public var key: Int64
    public var id: AgentID
    public var workspaceKey: Int64
    public var workspaceID: WorkspaceID
    /// The folder it is filed in.
    public var folderID: FolderID?
    /// Where its runs are told of.
    public var webhookURL: String?
    /// Grows with each change of the configuration.
    public var version = 1
    public var name: String
    public var role: String?
    public var description: String?
    public var status: AgentStatus
    public var runtimeType: RuntimeType
    public var providerType: ProviderType?
    public var model: String?
    public var systemPrompt: String?
    public var temperature: Double?
    public var maxTokens: Int
    public var maxIterations: Int
    public var tools: [String]
    public var tags: [String]
    /// In the order given; keys are the names of the placeholders.
    public var promptVariables: JSONObject
    public var inputSchema: JSONValue?
    public var outputSchema: JSONValue?
    /// Tools whose calls wait for a person's yes.
    public var approvalTools: [String]
    /// Models to try, in order, when the first one's provider is down.
    public var fallbackModels: [String]
    /// Ids or file names of resources that are put into the system prompt.
    public var pinnedResources: [String]
    /// What one run may cost.
    public var maxCost: Money?
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    public static let defaultMaxTokens = 4096
    public static let defaultMaxIterations = 10

    public init(
        key: Int64, id: AgentID, workspaceKey: Int64, workspaceID: WorkspaceID, name: String, role: String? = nil,
        description: String? = nil, status: AgentStatus = .active, runtimeType: RuntimeType = .hosted,
        providerType: ProviderType? = nil, model: String? = nil, systemPrompt: String? = nil,
        temperature: Double? = nil, maxTokens: Int = Agent.defaultMaxTokens,
        maxIterations: Int = Agent.defaultMaxIterations, tools: [String] = [], tags: [String] = [],
        promptVariables: JSONObject = JSONObject(), inputSchema: JSONValue? = nil, outputSchema: JSONValue? = nil,
        approvalTools: [String] = [], fallbackModels: [String] = [], pinnedResources: [String] = [],
        maxCost: Money? = nil, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.key = key
        self.id = id
        self.workspaceKey = workspaceKey
        self.workspaceID = workspaceID
        self.name = name
        self.role = role
        self.description = description
        self.status = status
        self.runtimeType = runtimeType
        self.providerType = providerType
        self.model = model
        self.systemPrompt = systemPrompt
        self.temperature = temperature
        self.maxTokens = maxTokens
        self.maxIterations = maxIterations
        self.tools = tools
        self.tags = tags
        self.promptVariables = promptVariables
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
        self.approvalTools = approvalTools
        self.fallbackModels = fallbackModels
        self.pinnedResources = pinnedResources
        self.maxCost = maxCost
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// The agent's own values for placeholders, by name.
    public var variableValues: [String: String] {
        var values: [String: String] = [:]
        for (name, variable) in promptVariables.members {
            if let value = variable["value"]?.stringValue { values[name] = value }
        }
        return values
    }
}
