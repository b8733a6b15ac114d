import AgentOSCore

/// Tells members of failed runs and of runs that wait for them. Test runs tell nobody.
struct RunNotifier: RunChangeListener {
    func changed(_ change: RunChange, _ connection: any SQLConnection) throws {
        guard !change.run.isTest else { return }
        switch change.kind {
        case .started, .ended(.completed), .ended(.cancelled), .ended(.running), .ended(.awaitingInput),
            .ended(.awaitingApproval):
            return
        case .ended(.failed):
            let message = try connection.row("SELECT error_message FROM runs WHERE key = $1", [.int(change.run.key)]) {
                $0.text(0)
            }
            try tell(.runFailed, change, "A run of %@ failed", (message ?? nil) ?? "Without a message.", connection)
        case .approvalRequested(let request):
            try tell(
                .approvalRequested, change, "%@ asks for an approval",
                "It wants to call \(request.tool) with \(request.input.text.prefix(1000))", connection)
        case .inputRequested(_, let question):
            try tell(.inputRequested, change, "%@ has a question", question, connection)
        }
    }

    /// - Parameter title: with `%@` where the agent's name goes.
    private func tell(
        _ kind: NotificationKind, _ change: RunChange, _ title: String, _ body: String,
        _ connection: any SQLConnection
    ) throws {
        let agent = try connection.row("SELECT name FROM agents WHERE key = $1", [.int(change.run.agentKey)]) {
            $0.text(0)
        }
        let parts = title.split(separator: "%@", maxSplits: 1, omittingEmptySubsequences: false)
        let name = (agent ?? nil) ?? "an agent"
        try NotificationStore.insert(
            kind, title: parts.joined(separator: name), body: body, workspace: change.run.workspaceKey,
            agent: change.run.agentKey, run: change.run.key, now: change.at, connection)
    }
}
