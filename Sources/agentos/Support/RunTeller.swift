import AgentOSClient

/// Tells people what has become of a run: its output on the standard output; what it waits for, and the command that
/// answers it, on the standard error.
struct RunTeller {
    let client: AgentOSClient

    /// Text as it is for programs, without what could steer a terminal for people.
    static func shown(_ text: String) -> String {
        Output.isTerminal ? Output.printable(text, lines: true) : text
    }

    func tell(_ result: InvokeResult) async {
        switch result.state {
        case .completed(let output): Self.write(output)
        case .awaitingApproval, .awaitingInput: await tellPause(result)
        case .running: Self.tellBackground(result)
        }
        tellSession(result)
    }

    static func write(_ output: JSONValue) {
        if let text = output["text"]?.stringValue, output.objectValue?.count == 1 {
            Output.line(shown(text))
        } else if !output.isNull {
            Output.json(output)
        }
    }

    /// The run's id is the result, also of one that a repeat finds over or waiting; how to follow it is a remark.
    static func tellBackground(_ result: InvokeResult) {
        switch result.state {
        case .running: tellBackground(result.run)
        case .completed: tellBackground(result.run, "It is over; see it with")
        case .awaitingApproval, .awaitingInput: tellBackground(result.run, "It waits for somebody; see it with")
        }
    }

    static func tellBackground(_ run: RunID, _ how: String = "It goes on in the background; follow it with") {
        Output.line("\(run)")
        Output.note("\(how): agentos runs watch \(run)")
    }

    func tellPause(_ result: InvokeResult) async {
        switch result.state {
        case .awaitingApproval(let id): await tellApproval(id, of: result.run)
        case .awaitingInput(let question): tell(question, of: result.run)
        case .completed, .running: break
        }
    }

    func tellSession(_ result: InvokeResult) {
        if let session = result.session { Output.note("Session: \(session)") }
    }

    private func tellApproval(_ id: ApprovalID, of run: RunID) async {
        Output.note("Run \(run) waits for approval \(id).")
        // Which call it is stands with the run, which not every key may read.
        let found = try? await client.rpc("runs_get", ["run_id": .string("\(run)")]).data["awaiting_approval"]
        if let found, found["approval_id"]?.stringValue == "\(id)" {
            Output.note(
                Output.printable("  It would call \(found.cell("tool")) with \(found["input"]?.text ?? "{}")"))
        }
        Output.note("  Answer it with: agentos approvals approve \(id)")
        Output.note("             or: agentos approvals reject \(id)")
    }

    private func tell(_ question: InvokeResult.Question, of run: RunID) {
        let options = question.options.isEmpty ? "" : " (\(question.options.joined(separator: " | ")))"
        Output.note(Output.printable("Run \(run) asks: \(question.text)\(options)"))
        if let context = question.context {
            Output.note(Output.printable("  Context: \(JSONValue.object(context).text)"))
        }
        Output.note("  Answer it with: agentos reply \(run) \"ANSWER\"")
    }
}
