import AgentOSCore

/// Something that happened to a run, told inside the transaction in which it happens.
public struct RunChange: Sendable {
    public enum Kind: Sendable {
        case started(TriggerType)
        /// The run's row holds its final state and times already.
        case ended(RunStatus)
        case approvalRequested(ApprovalRequest)
        case inputRequested(id: HumanRequestID, question: String)
    }

    public let kind: Kind
    public let run: RunRef
    public let at: Timestamp
}

/// Keeps something in step with the runs: a rollup, an outbox, a notification. Called on the writer, for every run; it has
/// to be quick, must not wait, and an error undoes the run's change.
public protocol RunChangeListener: Sendable {
    func changed(_ change: RunChange, _ connection: any SQLConnection) throws
}
