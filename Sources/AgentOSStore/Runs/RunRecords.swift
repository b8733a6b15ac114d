import AgentOSCore

/// What never changes about a run; remembered, since every report names one.
public struct RunRef: Sendable, Hashable {
    public let key: Int64
    public let id: RunID
    public let workspaceKey: Int64
    public let agentKey: Int64
    public let hosted: Bool
    public let isTest: Bool

    public init(key: Int64, id: RunID, workspaceKey: Int64, agentKey: Int64, hosted: Bool, isTest: Bool) {
        self.key = key
        self.id = id
        self.workspaceKey = workspaceKey
        self.agentKey = agentKey
        self.hosted = hosted
        self.isTest = isTest
    }
}

/// A run as lists show it.
public struct RunSummary: Sendable {
    public let key: Int64
    public let id: RunID
    public let agentID: AgentID
    public let agentName: String
    public let status: RunStatus
    public let triggerType: TriggerType
    public let externalRunID: String?
    public let parentRunID: RunID?
    public let conversationID: ConversationID?
    public let isTest: Bool
    public let hosted: Bool
    public let startedAt: Timestamp
    public let completedAt: Timestamp?
    public let durationMilliseconds: Int?
    public let errorMessage: String?
    public let tokens: GivenUsage
    /// Of the model calls whose model has a known price; nil when there are none.
    public let cost: Money?
    public let unpricedCalls: Int
    public let eventCount: Int64
    /// Of the agent's configuration when the run began; nil for runs from before versions were kept.
    public let agentVersion: Int?
}

/// A question that waits for a person.
public struct PendingQuestion: Sendable {
    public let id: HumanRequestID
    public let question: String
    /// JSON, an object.
    public let context: [UInt8]?
    /// JSON, an array of strings.
    public let options: [UInt8]?
}

public struct TaskRecord: Sendable {
    public let id: TaskID
    public let name: String
    public let status: TaskStatus
    public let input: [UInt8]?
    public let output: [UInt8]?
    public let errorMessage: String?
    public let startedAt: Timestamp?
    public let completedAt: Timestamp?
}

/// A run with everything but its events.
public struct RunDetail: Sendable {
    public let summary: RunSummary
    public let input: [UInt8]
    public let output: [UInt8]?
    public let errorDetail: [UInt8]?
    public let cancelReason: String?
    public let tasks: [TaskRecord]
    public let question: PendingQuestion?
    public let approval: ApprovalRecord?
    /// The run that this one repeats, and from which step on.
    public let origin: (run: RunID, step: Int)?
}

/// How a reported run ends. Values are JSON texts.
public enum RunEnding: Sendable {
    case completed(output: [UInt8]?, usage: GivenUsage)
    case failed(message: String, detail: [UInt8]?)
    case cancelled(reason: String?)

    public var status: RunStatus {
        switch self {
        case .completed: .completed
        case .failed: .failed
        case .cancelled: .cancelled
        }
    }
}

public struct RunFilter: Sendable {
    public var agentKey: Int64?
    public var status: RunStatus?

    public init(agentKey: Int64? = nil, status: RunStatus? = nil) {
        self.agentKey = agentKey
        self.status = status
    }
}
