import AgentOSCore
import AgentOSTestSupport
import Testing

@Suite struct RunMachineTests {
    private func plan(maxIterations: Int = 10, history: [ModelMessage] = []) -> RunPlan {
        RunPlan(
            agentName: "a", provider: .demo, model: "m", system: "s", history: history, prompt: "hi", tools: ["t"],
            temperature: nil, maxTokens: 100, maxIterations: maxIterations, isTest: false)
    }

    private func call(_ id: String, _ name: String = "t") -> ToolCall { ToolCall(id: id, name: name, arguments: [:]) }

    private static func begun(_ iteration: Int) -> ModelCall {
        ModelCall(iteration: iteration, model: "m", provider: .demo)
    }

    /// Ids of the calls that can be made now.
    private func ready(_ machine: RunMachine) -> [String] {
        if case .runTools(let calls) = machine.next { calls.map(\.call.id) } else { [] }
    }

    private func result(_ id: String) -> ToolResult {
        ToolResult(callID: id, name: "t", content: "of \(id)", isError: false)
    }

    private func calls(_ ids: String..., text: String = "") -> JournalEntry {
        .modelReplied(
            RecordedReply(
                ModelReply(text: text, toolCalls: ids.map { call($0) }, usage: TokenUsage(input: 3, output: 2))))
    }

    @Test("a run without tools calls the model once and completes with its text")
    func simple() throws {
        var machine = RunMachine(plan: plan(history: [.user("before"), .assistant(text: "yes", toolCalls: [])]))
        #expect(machine.messages.count == 3 && machine.messages.last == .user("hi"))
        #expect(machine.next == .callModel(iteration: 1, open: nil))
        try machine.apply(.modelCalled(Self.begun(1)))
        try machine.apply(
            .modelReplied(RecordedReply(ModelReply(text: "hello", usage: TokenUsage(input: 5, output: 1)))))
        #expect(machine.next == .end(.completed(output: ["text": "hello"])))
        try machine.apply(.ended(.completed(output: ["text": "hello"])))
        #expect(machine.next == .nothing)
        #expect(machine.position == 4)
        #expect(machine.usage == TokenUsage(input: 5, output: 1))
    }

    @Test("results reach the model in the order of its calls, in whatever order they came")
    func toolOrder() throws {
        var machine = try RunMachine(journal: [
            .started(plan()), .modelCalled(Self.begun(1)), calls("a", "b", "c", text: "Wait."),
        ])
        #expect(ready(machine) == ["a", "b", "c"])
        try machine.apply(.toolsCalled(callIDs: ["a", "b", "c"]))
        try machine.apply(.toolReturned(result("c"), cost: nil))
        try machine.apply(.toolReturned(result("a"), cost: nil))
        #expect(ready(machine) == ["b"])
        try machine.apply(.toolReturned(result("b"), cost: nil))
        #expect(
            machine.messages.suffix(2) == [
                .assistant(text: "Wait.", toolCalls: [call("a"), call("b"), call("c")]),
                .toolResults([result("a"), result("b"), result("c")]),
            ])
        #expect(machine.next == .callModel(iteration: 2, open: nil))
        #expect(machine.usage == TokenUsage(input: 3, output: 2))
    }

    @Test("a run that wants more than max_iterations model calls fails")
    func maxIterations() throws {
        var machine = RunMachine(plan: plan(maxIterations: 2))
        for iteration in 1...2 {
            #expect(machine.next == .callModel(iteration: iteration, open: nil))
            try machine.apply(.modelCalled(Self.begun(iteration)))
            try machine.apply(calls("c\(iteration)"))
            try machine.apply(.toolReturned(result("c\(iteration)"), cost: nil))
        }
        guard case .end(.failed(.internal, let message, let detail)) = machine.next else {
            Issue.record("the run goes on")
            return
        }
        #expect(message.contains("max_iterations"))
        #expect(detail?["type"] == "max_iterations")
    }

    @Test("the last allowed model call may still finish the run")
    func lastIteration() throws {
        let machine = try RunMachine(journal: [
            .started(plan(maxIterations: 1)), .modelCalled(Self.begun(1)),
            .modelReplied(RecordedReply(ModelReply(text: "done"))),
        ])
        #expect(machine.next == .end(.completed(output: ["text": "done"])))
    }

    @Test("a model call that a crash cut off is made again under its number")
    func repeatedModelCall() throws {
        var machine = try RunMachine(journal: [.started(plan()), .modelCalled(Self.begun(1))])
        #expect(machine.next == .callModel(iteration: 1, open: Self.begun(1)))
        try machine.apply(.modelCalled(Self.begun(1)))
        try machine.apply(.modelReplied(RecordedReply(ModelReply(text: "x"))))
        #expect(machine.iterations == 1)
    }

    @Test("tool calls that a crash cut off are made again, without those that have a result")
    func repeatedToolCall() throws {
        let journal: [JournalEntry] = [
            .started(plan()), .modelCalled(Self.begun(1)), calls("a", "b"), .toolsCalled(callIDs: ["a", "b"]),
            .toolReturned(result("b"), cost: nil),
        ]
        var machine = try RunMachine(journal: journal)
        #expect(ready(machine) == ["a"])
        try machine.apply(.toolsCalled(callIDs: ["a"]))
        #expect(ready(machine) == ["a"])
    }

    static let unexpected: [(String, [JournalEntry], JournalEntry)] = {
        let tests = RunMachineTests()
        let begun: [JournalEntry] = [.started(tests.plan()), .modelCalled(Self.begun(1))]
        let called = begun + [tests.calls("a", "b")]
        let done = begun + [.modelReplied(RecordedReply(ModelReply(text: "x")))]
        return [
            ("a second start", begun, .started(tests.plan())),
            ("a reply without a call", [.started(tests.plan())], .modelReplied(RecordedReply(ModelReply(text: "x")))),
            ("a second reply", called, tests.calls("c")),
            ("a model call out of turn", begun, .modelCalled(Self.begun(3))),
            ("a model call while tools are open", called, .modelCalled(Self.begun(2))),
            ("a model call behind the final text", done, .modelCalled(Self.begun(2))),
            ("tools without calls", begun, .toolsCalled(callIDs: ["a"])),
            ("a result of no call", called, .toolReturned(tests.result("z"), cost: nil)),
            (
                "a second result", called + [.toolReturned(tests.result("a"), cost: nil)],
                .toolReturned(tests.result("a"), cost: nil)
            ),
            ("anything behind the end", done + [.ended(.cancelled(reason: nil))], .ended(.cancelled(reason: nil))),
        ]
    }()

    @Test("an entry that cannot follow is refused and named", arguments: 0..<unexpected.count)
    func unexpectedEntry(index: Int) throws {
        let (what, journal, entry) = Self.unexpected[index]
        var machine = try RunMachine(journal: journal)
        let before = (machine.position, machine.next, machine.messages)
        let error = #expect(throws: RunMachine.UnexpectedEntry.self, "\(what)") { try machine.apply(entry) }
        #expect(error?.kind == entry.kind)
        #expect(error?.position == journal.count)
        #expect((machine.position, machine.next, machine.messages) == before)
    }

    @Test("a journal begins with its start")
    func firstEntry() {
        #expect(throws: RunMachine.UnexpectedEntry.self) { try RunMachine(journal: []) }
        #expect(throws: RunMachine.UnexpectedEntry.self) { try RunMachine(journal: [.modelCalled(Self.begun(1))]) }
    }

    @Test(
        "a final text that is a JSON object is the output, any other is wrapped",
        arguments: [
            (#"{"a":1}"#, #"{"a":1}"#), (" \n{\"a\":1}\n", #"{"a":1}"#), ("{}", "{}"), ("[1]", #"{"text":"[1]"}"#),
            ("", #"{"text":""}"#),
            (#"{"a":1} and more"#, #"{"text":"{\"a\":1} and more"}"#), ("{broken", #"{"text":"{broken"}"#),
            ("7", #"{"text":"7"}"#),
            (#"{"n":NaN}"#, #"{"n":null}"#),
        ])
    func output(text: String, json: String) { #expect(RunMachine.output(of: text).text == json) }

    // MARK: - People

    private func approval(_ call: ToolCall) -> ApprovalRequest {
        ApprovalRequest(
            id: ApprovalID(.derived(from: UUIDBits(high: 1, low: 2), number: UInt64(call.id.dropFirst()) ?? 0)),
            callID: call.id, tool: call.name, input: call.arguments, expiresAt: Timestamp(microseconds: 9))
    }

    private func question(_ call: ToolCall, aboutOutcome: Bool = false) -> InputRequest {
        InputRequest(
            id: HumanRequestID(.derived(from: UUIDBits(high: 3, low: 4), number: UInt64(call.id.dropFirst()) ?? 0)),
            callID: call.id, question: "Well?", isAboutOutcome: aboutOutcome, expiresAt: Timestamp(microseconds: 9))
    }

    /// A run whose model wants `c1` without further ado, `c2` and `c3` with a person's yes, and asks with `c4`.
    private func mixed(rejection: RunPlan.Rejection = .failsRun) throws -> RunMachine {
        var plan = plan()
        plan.rejection = rejection
        let reply = ModelReply(text: "", toolCalls: ["c1", "c2", "c3", "c4"].map { call($0) })
        return try RunMachine(journal: [
            .started(plan), .modelCalled(Self.begun(1)),
            .modelReplied(RecordedReply(reply, gated: ["c2", "c3"], questions: ["c4"])),
        ])
    }

    @Test("free calls come first, then approvals together, then approved calls, then questions")
    func orderOfWaiting() throws {
        var machine = try mixed()
        #expect(ready(machine) == ["c1"])
        try machine.apply(.toolReturned(result("c1"), cost: nil))
        #expect(machine.next == .requestApprovals([call("c2"), call("c3")]))
        try machine.apply(.approvalsRequested([approval(call("c2")), approval(call("c3"))]))
        #expect(machine.next == .wait(.approval(approval(call("c2")))))
        let edited: JSONObject = ["a": 2]
        try machine.apply(.approvalDecided(.init(id: approval(call("c2")).id, verdict: .approved, arguments: edited)))
        #expect(machine.next == .wait(.approval(approval(call("c3")))))
        try machine.apply(.approvalDecided(.init(id: approval(call("c3")).id, verdict: .approved)))
        #expect(ready(machine) == ["c2", "c3"])
        if case .runTools(let calls) = machine.next {
            #expect(calls[0].call.arguments == .object(edited) && calls[0].wasEdited)
        }
        try machine.apply(.toolReturned(result("c2"), cost: nil))
        try machine.apply(.toolReturned(result("c3"), cost: nil))
        #expect(machine.next == .ask(call("c4")))
        try machine.apply(.inputRequested(question(call("c4"))))
        #expect(machine.next == .wait(.input(question(call("c4")))))
        try machine.apply(.inputReceived(question(call("c4")).id, "blue"))
        guard case .toolResults(let results)? = machine.messages.last else {
            Issue.record("no results")
            return
        }
        #expect(results.map(\.callID) == ["c1", "c2", "c3", "c4"] && results[3].content == "blue")
    }

    @Test(
        "a rejection fails the run with the note; with the other policy the model is told",
        arguments: RunPlan.Rejection.allCases)
    func rejection(policy: RunPlan.Rejection) throws {
        var machine = try mixed(rejection: policy)
        try machine.apply(.toolReturned(result("c1"), cost: nil))
        try machine.apply(.approvalsRequested([approval(call("c2")), approval(call("c3"))]))
        try machine.apply(.approvalDecided(.init(id: approval(call("c2")).id, verdict: .rejected, note: "too dear")))
        switch policy {
        case .failsRun:
            guard case .end(.failed(_, let message, let detail)) = machine.next else {
                Issue.record("the run goes on")
                return
            }
            #expect(message == "too dear" && detail?["approval_id"] == .string("\(approval(call("c2")).id)"))
        case .toldToModel:
            #expect(machine.next == .wait(.approval(approval(call("c3")))))
        }
    }

    @Test("a call of unknown outcome is made again when a person says so, else the model is told what they said")
    func unknownOutcome() throws {
        let begun: [JournalEntry] = [
            .started(plan()), .modelCalled(Self.begun(1)), calls("c1"), .toolsCalled(callIDs: ["c1"]),
            .inputRequested(question(call("c1"), aboutOutcome: true)),
        ]
        var machine = try RunMachine(journal: begun)
        #expect(machine.next == .wait(.input(question(call("c1"), aboutOutcome: true))))
        var other = machine
        try machine.apply(.inputReceived(question(call("c1")).id, "retry"))
        #expect(ready(machine) == ["c1"] && machine.begunCalls.isEmpty)
        try other.apply(.inputReceived(question(call("c1")).id, "it went through"))
        guard case .toolResults(let results)? = other.messages.last else {
            Issue.record("no results")
            return
        }
        #expect(
            results[0].isError && results[0].content.contains("it went through")
                && results[0].content.contains("unknown"))
    }

    @Test("an answer that breaks the output schema is repaired once, then the run fails")
    func outputSchema() throws {
        var plan = plan()
        plan.outputSchema = ["type": "object", "required": ["n"], "properties": ["n": ["type": "integer"]]]
        func reply(_ text: String) -> JournalEntry { .modelReplied(RecordedReply(ModelReply(text: text))) }
        var machine = try RunMachine(journal: [.started(plan), .modelCalled(Self.begun(1)), reply(#"{"n":"x"}"#)])
        #expect(machine.next == .callModel(iteration: 2, open: nil))
        guard case .user(let complaint)? = machine.messages.last else {
            Issue.record("nothing is said")
            return
        }
        #expect(complaint.contains("n"))
        try machine.apply(.modelCalled(Self.begun(2)))
        var good = machine
        try good.apply(reply("```json\n{\"n\": 3}\n```"))
        #expect(good.next == .end(.completed(output: ["n": 3])))
        try machine.apply(reply("no"))
        guard case .end(.failed(.internal, _, let detail)) = machine.next else {
            Issue.record("the run goes on")
            return
        }
        #expect(detail?["type"] == "output_schema")
    }

    // MARK: - Random walks

    /// A journal such as an executor writes it, with crashes in between.
    private func randomJournal(_ random: inout SeededGenerator) throws -> [JournalEntry] {
        let plan = plan(maxIterations: .random(in: 1...6, using: &random))
        var journal: [JournalEntry] = [.started(plan)]
        var machine = RunMachine(plan: plan)
        var number = 0
        func add(_ entry: JournalEntry) throws {
            try machine.apply(entry)
            journal.append(entry)
        }
        while machine.next != .nothing {
            if Int.random(in: 0..<40, using: &random) == 0 {
                try add(.ended(.cancelled(reason: "enough")))
                continue
            }
            let crashes = Int.random(in: 0..<6, using: &random) == 0
            switch machine.next {
            case .callModel(let iteration, _):
                try add(.modelCalled(Self.begun(iteration)))
                if crashes { try add(.modelCalled(Self.begun(iteration))) }
                let calls = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    number += 1
                    return call("c\(number)")
                }
                let reply = ModelReply(text: "t\(number)", toolCalls: calls, usage: TokenUsage(input: 1, output: 2))
                let ids = calls.map(\.id)
                try add(
                    .modelReplied(
                        RecordedReply(
                            reply, gated: ids.filter { $0.hasSuffix("3") }, questions: ids.filter { $0.hasSuffix("7") })
                    ))
            case .runTools(let open):
                try add(.toolsCalled(callIDs: open.map(\.call.id)))
                for pending in open.shuffled(using: &random).prefix(crashes ? 1 : open.count) {
                    try add(.toolReturned(result(pending.call.id), cost: nil))
                }
            case .requestApprovals(let calls): try add(.approvalsRequested(calls.map(approval)))
            case .ask(let call): try add(.inputRequested(question(call)))
            case .wait(.approval(let request)):
                let verdict: ApprovalVerdict = Int.random(in: 0..<4, using: &random) == 0 ? .rejected : .approved
                try add(.approvalDecided(ApprovalDecision(id: request.id, verdict: verdict)))
            case .wait(.input(let request)): try add(.inputReceived(request.id, "yes"))
            case .end(let outcome): try add(.ended(outcome))
            case .nothing: break
            }
        }
        return journal
    }

    @Test("what any prefix of a journal asks for is what its next entry does", arguments: 1...200)
    func prefixes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let journal = try randomJournal(&random)
        var stepwise = RunMachine(plan: plan())
        for length in 1...journal.count {
            let machine = try RunMachine(journal: Array(journal.prefix(length)))
            if length == 1 { stepwise = machine } else { try stepwise.apply(journal[length - 1]) }
            #expect(machine.position == length)
            #expect(
                machine.next == stepwise.next && machine.messages == stepwise.messages
                    && machine.usage == stepwise.usage)
            guard length < journal.count else {
                #expect(machine.next == .nothing)
                break
            }
            #expect(fits(journal[length], machine), "entry \(length) of the journal of seed \(seed)")
        }
    }

    private func fits(_ entry: JournalEntry, _ machine: RunMachine) -> Bool {
        switch (entry, machine.next) {
        case (.modelCalled(let call), .callModel(let due, _)): call.iteration == due
        case (.modelReplied, .callModel(let due, let open)): due == machine.iterations && open != nil
        case (.toolsCalled(let ids), .runTools(let due)): ids == due.map(\.call.id)
        case (.toolReturned(let result, _), .runTools(let due)): due.contains { $0.call.id == result.callID }
        case (.approvalsRequested(let requests), .requestApprovals(let due)): requests.map(\.callID) == due.map(\.id)
        case (.approvalDecided(let decision), .wait(.approval(let due))): decision.id == due.id
        case (.inputRequested(let request), .ask(let due)): request.callID == due.id
        case (.inputReceived(let id, _), .wait(.input(let due))): id == due.id
        case (.ended(.cancelled, _), let next): next != .nothing
        case (.ended(let outcome, _), .end(let due)): outcome == due
        default: false
        }
    }
}
