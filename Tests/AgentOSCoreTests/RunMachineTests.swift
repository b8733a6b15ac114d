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

    private func result(_ id: String) -> ToolResult { ToolResult(callID: id, name: "t", content: "of \(id)", isError: false) }

    private func calls(_ ids: String..., text: String = "") -> JournalEntry {
        .modelReplied(ModelReply(text: text, toolCalls: ids.map { call($0) }, usage: TokenUsage(input: 3, output: 2)))
    }

    @Test("a run without tools calls the model once and completes with its text")
    func simple() throws {
        var machine = RunMachine(plan: plan(history: [.user("before"), .assistant(text: "yes", toolCalls: [])]))
        #expect(machine.messages.count == 3 && machine.messages.last == .user("hi"))
        #expect(machine.next == .callModel(iteration: 1))
        try machine.apply(.modelCalled(iteration: 1))
        try machine.apply(.modelReplied(ModelReply(text: "hello", usage: TokenUsage(input: 5, output: 1))))
        #expect(machine.next == .end(.completed(output: ["text": "hello"])))
        try machine.apply(.ended(.completed(output: ["text": "hello"])))
        #expect(machine.next == .nothing)
        #expect(machine.position == 4)
        #expect(machine.usage == TokenUsage(input: 5, output: 1))
    }

    @Test("results reach the model in the order of its calls, in whatever order they came")
    func toolOrder() throws {
        var machine = try RunMachine(journal: [.started(plan()), .modelCalled(iteration: 1), calls("a", "b", "c", text: "Wait.")])
        #expect(machine.next == .runTools([call("a"), call("b"), call("c")]))
        try machine.apply(.toolsCalled(callIDs: ["a", "b", "c"]))
        try machine.apply(.toolReturned(result("c")))
        try machine.apply(.toolReturned(result("a")))
        #expect(machine.next == .runTools([call("b")]))
        try machine.apply(.toolReturned(result("b")))
        #expect(machine.messages.suffix(2) == [
            .assistant(text: "Wait.", toolCalls: [call("a"), call("b"), call("c")]),
            .toolResults([result("a"), result("b"), result("c")]),
        ])
        #expect(machine.next == .callModel(iteration: 2))
        #expect(machine.usage == TokenUsage(input: 3, output: 2))
    }

    @Test("a run that wants more than max_iterations model calls fails")
    func maxIterations() throws {
        var machine = RunMachine(plan: plan(maxIterations: 2))
        for iteration in 1...2 {
            #expect(machine.next == .callModel(iteration: iteration))
            try machine.apply(.modelCalled(iteration: iteration))
            try machine.apply(calls("c\(iteration)"))
            try machine.apply(.toolReturned(result("c\(iteration)")))
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
            .started(plan(maxIterations: 1)), .modelCalled(iteration: 1), .modelReplied(ModelReply(text: "done")),
        ])
        #expect(machine.next == .end(.completed(output: ["text": "done"])))
    }

    @Test("a model call that a crash cut off is made again under its number")
    func repeatedModelCall() throws {
        var machine = try RunMachine(journal: [.started(plan()), .modelCalled(iteration: 1)])
        #expect(machine.next == .callModel(iteration: 1))
        try machine.apply(.modelCalled(iteration: 1))
        try machine.apply(.modelReplied(ModelReply(text: "x")))
        #expect(machine.iterations == 1)
    }

    @Test("tool calls that a crash cut off are made again, without those that have a result")
    func repeatedToolCall() throws {
        let journal: [JournalEntry] = [
            .started(plan()), .modelCalled(iteration: 1), calls("a", "b"), .toolsCalled(callIDs: ["a", "b"]),
            .toolReturned(result("b")),
        ]
        var machine = try RunMachine(journal: journal)
        #expect(machine.next == .runTools([call("a")]))
        try machine.apply(.toolsCalled(callIDs: ["a"]))
        #expect(machine.next == .runTools([call("a")]))
    }

    static let unexpected: [(String, [JournalEntry], JournalEntry)] = {
        let tests = RunMachineTests()
        let begun: [JournalEntry] = [.started(tests.plan()), .modelCalled(iteration: 1)]
        let called = begun + [tests.calls("a", "b")]
        let done = begun + [.modelReplied(ModelReply(text: "x"))]
        return [
            ("a second start", begun, .started(tests.plan())),
            ("a reply without a call", [.started(tests.plan())], .modelReplied(ModelReply(text: "x"))),
            ("a second reply", called, tests.calls("c")),
            ("a model call out of turn", begun, .modelCalled(iteration: 3)),
            ("a model call while tools are open", called, .modelCalled(iteration: 2)),
            ("a model call behind the final text", done, .modelCalled(iteration: 2)),
            ("tools without calls", begun, .toolsCalled(callIDs: ["a"])),
            ("a result of no call", called, .toolReturned(tests.result("z"))),
            ("a second result", called + [.toolReturned(tests.result("a"))], .toolReturned(tests.result("a"))),
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
        #expect(throws: RunMachine.UnexpectedEntry.self) { try RunMachine(journal: [.modelCalled(iteration: 1)]) }
    }

    @Test(
        "a final text that is a JSON object is the output, any other is wrapped",
        arguments: [
            (#"{"a":1}"#, #"{"a":1}"#), (" \n{\"a\":1}\n", #"{"a":1}"#), ("{}", "{}"), ("[1]", #"{"text":"[1]"}"#), ("", #"{"text":""}"#),
            (#"{"a":1} and more"#, #"{"text":"{\"a\":1} and more"}"#), ("{broken", #"{"text":"{broken"}"#), ("7", #"{"text":"7"}"#),
            (#"{"n":NaN}"#, #"{"n":null}"#),
        ])
    func output(text: String, json: String) { #expect(RunMachine.output(of: text).text == json) }

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
            case .callModel(let iteration):
                try add(.modelCalled(iteration: iteration))
                if crashes { try add(.modelCalled(iteration: iteration)) }
                let calls = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    number += 1
                    return call("c\(number)")
                }
                try add(.modelReplied(ModelReply(text: "t\(number)", toolCalls: calls, usage: TokenUsage(input: 1, output: 2))))
            case .runTools(let open):
                try add(.toolsCalled(callIDs: open.map(\.id)))
                for call in open.shuffled(using: &random).prefix(crashes ? 1 : open.count) {
                    try add(.toolReturned(result(call.id)))
                }
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
            #expect(machine.next == stepwise.next && machine.messages == stepwise.messages && machine.usage == stepwise.usage)
            guard length < journal.count else {
                #expect(machine.next == .nothing)
                break
            }
            #expect(fits(journal[length], machine), "entry \(length) of the journal of seed \(seed)")
        }
    }

    private func fits(_ entry: JournalEntry, _ machine: RunMachine) -> Bool {
        switch (entry, machine.next) {
        case (.modelCalled(let iteration), .callModel(let due)): iteration == due
        case (.modelReplied, .callModel(let due)): due == machine.iterations
        case (.toolsCalled(let ids), .runTools(let due)): ids == due.map(\.id)
        case (.toolReturned(let result), .runTools(let due)): due.contains { $0.id == result.callID }
        case (.ended(.cancelled), let next): next != .nothing
        case (.ended(let outcome), .end(let due)): outcome == due
        default: false
        }
    }
}
