import AgentOSCore

/// A mail as a job: enqueued in the transaction of its cause.
public struct OutgoingMail: Sendable {
    public static let job = "mail.send"

    public var to: [String]
    public var subject: String
    public var lead: String
    /// Names and values, shown below.
    public var facts: [(name: String, value: String)]
    public var workspaceKey: Int64
    /// A document that is shown instead of the facts.
    public var markdown: String?

    init(
        to: [String], subject: String, lead: String, facts: [(name: String, value: String)], workspaceKey: Int64,
        markdown: String? = nil
    ) {
        self.markdown = markdown
        self.to = to
        self.subject = subject
        self.lead = lead
        self.facts = facts
        self.workspaceKey = workspaceKey
    }

    /// Nil when a job's payload is not a mail.
    public init?(_ payload: JSONValue) {
        guard let to = payload["to"]?.arrayValue?.compactMap(\.stringValue), !to.isEmpty,
            let workspace = payload["workspace"]?.intValue
        else { return nil }
        self.to = to
        subject = payload["subject"]?.stringValue ?? ""
        lead = payload["lead"]?.stringValue ?? ""
        facts = (payload["facts"]?.objectValue?.members ?? []).map { ($0, $1.stringValue ?? "") }
        workspaceKey = Int64(workspace)
        markdown = payload["markdown"]?.stringValue
    }

    /// Has the mail sent.
    public func enqueue(now: Timestamp, _ connection: any SQLConnection) throws {
        var shown = JSONObject()
        for (name, value) in facts { shown[name] = .string(value) }
        let payload: JSONValue = [
            "to": .array(to.map(JSONValue.string)), "subject": .string(subject), "lead": .string(lead),
            "facts": .object(shown), "workspace": .int(Int(workspaceKey)),
            "markdown": .optional(markdown),
        ]
        try JobQueue.enqueue(
            Self.job, name: "\(NotificationID.new(at: now))", at: now, payload: payload, workspace: workspaceKey,
            now: now, connection)
    }
}
