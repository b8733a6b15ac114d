import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

private func settings(_ rejection: RunPlan.Rejection) -> RuntimeSettings {
    var settings = RuntimeSettings()
    settings.rejection = rejection
    return settings
}

@Suite("Runs that wait for a person's yes")
struct ApprovalTests {
    @Test("a call waits when the agent lists the tool or the tool asks for it", arguments: [true, false])
    func gate(byAgent: Bool) async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("done"))
            let probe = ProbeTool(requiresApproval: !byAgent)
            try await withRuntime(fake: fake, tools: [probe]) { runtime in
                let agent = try await runtime.agent(tools: ["probe"]) { $0.approvalTools = byAgent ? ["probe"] : [] }
                let run = try await runtime.pausedRun(of: agent)
                let id = try #require(run.pause.approvalID)
                #expect(probe.calls.isEmpty && runtime.runtime.activeCount == 0)
                let detail = try await runtime.detail(of: run.ref)
                #expect(detail.summary.status == .awaitingApproval && detail.approval?.id == id)
                let pending = try await runtime.pendingApprovals()
                #expect(pending.map(\.id) == [id] && pending.map(\.tool) == ["probe"])
                #expect(pending.first.map { String(decoding: $0.input, as: UTF8.self) }?.contains("a") == true)
                try await runtime.decide(id, .init(isApproved: true, note: "fine", decidedBy: "Ada"))
                #expect(try await runtime.result(of: run.ref).text == "done")
                #expect(probe.texts == ["a"] && fake.requests[1].toolResults == ["did a"])
                let decided = try await runtime.store.approvals.approval(id, workspace: run.ref.workspaceKey)
                #expect(decided.status == "approved" && decided.note == "fine" && decided.decidedBy == "Ada")
                let types = try await runtime.types(of: run.ref)
                #expect(types.contains("approval.requested") && types.contains("approval.decided"))
            }
        }
    }

    @Test("calls that need no yes are made before the run waits")
    func free() async throws {
        try await withFakeProvider { fake in
            fake.play(.tools(("probe", ["text": "a"]), ("calculate", ["expression": "6*7"])), .text("done"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe", "calculate"]))
                #expect(try await runtime.types(of: run.ref).contains("tool.returned"))
                try await runtime.approve(try #require(run.pause.approvalID))
                #expect(try await runtime.result(of: run.ref).text == "done")
                let results = fake.requests[1].toolResults
                #expect(results.count == 2 && results.first == "did a" && results.last?.contains("42") == true)
            }
        }
    }

    @Test("arguments that the tool would not take are refused by name and decide nothing; good ones are used")
    func edit() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("done"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let id = try #require(run.pause.approvalID)
                let bad: [(JSONObject, String)] = [
                    (["text": 5], "arguments.text"), (["text": "b", "count": 0], "arguments.count"),
                ]
                for (arguments, path) in bad {
                    let refused = try await refusal {
                        try await runtime.decide(id, .init(isApproved: true, arguments: arguments))
                    }
                    #expect(refused?.code == .validation && refused?.path == path)
                }
                let missing = try await refusal {
                    try await runtime.decide(id, .init(isApproved: true, arguments: [:]))
                }
                #expect(missing?.code == .validation && missing?.message.contains("text") == true)
                let rejected = try await refusal {
                    try await runtime.decide(id, .init(isApproved: false, arguments: ["text": "b"]))
                }
                #expect(rejected?.code == .validation && rejected?.path == "arguments")
                #expect(try await runtime.pendingApprovals().map(\.id) == [id])
                #expect(try await runtime.detail(of: run.ref).summary.status == .awaitingApproval)
                try await runtime.decide(id, .init(isApproved: true, arguments: ["text": "b"]))
                #expect(try await runtime.result(of: run.ref).text == "done")
                #expect(probe.texts == ["b"])
                let told = fake.requests[1].toolResults.first ?? ""
                #expect(told.contains("changed the arguments") && told.contains("did b"))
            }
        }
    }

    @Test("a run with several calls goes on when all are decided, and answers in the order of the calls")
    func several() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a", "b", "c"), .text("done"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, settings: settings(.toldToModel), tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let ids = try await runtime.pendingApprovals().map(\.id)
                #expect(ids.count == 3)
                try await runtime.approve(ids[2])
                try await runtime.decide(ids[1], .init(isApproved: false, note: "too dear"))
                #expect(try await runtime.detail(of: run.ref).summary.status == .awaitingApproval)
                #expect(probe.calls.isEmpty && fake.requests.count == 1)
                try await runtime.approve(ids[0])
                #expect(try await runtime.result(of: run.ref).text == "done")
                #expect(Set(probe.texts) == ["a", "c"] && probe.calls.count == 2)
                let results = fake.requests[1].toolResults
                #expect(results.count == 3 && results.first == "did a" && results.last == "did c")
                #expect(results[1].contains("too dear"))
            }
        }
    }

    @Test("a no fails the run with what the person said and closes the other requests")
    func failsRun() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a", "b"), .text("never"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, settings: settings(.failsRun), tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let ids = try await runtime.pendingApprovals().map(\.id)
                try await runtime.decide(ids[0], .init(isApproved: false, note: "not today"))
                #expect(try await runtime.result(of: run.ref).error?.message == "not today")
                let detail = try await runtime.detail(of: run.ref)
                #expect(detail.summary.status == .failed && detail.summary.errorMessage == "not today")
                #expect(probe.calls.isEmpty && fake.requests.count == 1)
                #expect(try await runtime.pendingApprovals().isEmpty)
                #expect(try await refusal { try await runtime.approve(ids[1]) }?.code == .conflict)
            }
        }
    }

    @Test("a no can be told to the model, which goes on")
    func toldToModel() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("then not"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, settings: settings(.toldToModel), tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let id = try #require(run.pause.approvalID)
                try await runtime.decide(id, .init(isApproved: false, note: "not today"))
                #expect(try await runtime.result(of: run.ref).text == "then not")
                #expect(fake.requests[1].toolResults.first?.contains("not today") == true && probe.calls.isEmpty)
            }
        }
    }

    @Test("a request that nobody decides expires", arguments: RunPlan.Rejection.allCases)
    func expiry(rejection: RunPlan.Rejection) async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("then not"))
            let probe = ProbeTool(requiresApproval: true)
            var settings = settings(rejection)
            settings.approvalSeconds = 3600
            try await withRuntime(fake: fake, settings: settings, tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let id = try #require(run.pause.approvalID)
                runtime.later(3500)
                #expect(try await runtime.pendingApprovals().count == 1)
                runtime.later(200)
                try await eventually("the end") { try await runtime.detail(of: run.ref).summary.status.isTerminal }
                let result = try await runtime.result(of: run.ref)
                switch rejection {
                case .failsRun: #expect(result.error?.message.contains("expired") == true)
                case .toldToModel:
                    #expect(result.text == "then not")
                    #expect(fake.requests[1].toolResults.first?.contains("in time") == true)
                }
                #expect(try await refusal { try await runtime.approve(id) }?.code == .conflict)
                let record = try await runtime.store.approvals.approval(id, workspace: run.ref.workspaceKey)
                #expect(record.status == "expired" && probe.calls.isEmpty)
            }
        }
    }

    @Test("a decision after a restart is as good as before; so is one that the server was down for")
    func restart() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("done"))
            try await withStore { store in
                let before = ProbeTool(requiresApproval: true)
                let run = try await withRuntime(fake: fake, tools: [before], on: store) { runtime in
                    try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                }
                let probe = ProbeTool(requiresApproval: true)
                try await withRuntime(fake: fake, tools: [probe], on: store) { runtime in
                    #expect(runtime.runtime.activeCount == 0)
                    try await runtime.approve(try #require(run.pause.approvalID))
                    #expect(try await runtime.result(of: run.ref).text == "done")
                    #expect(probe.texts == ["a"] && fake.requests.count == 2)
                }
            }
        }
    }

    @Test("an approval whose time ran out while the server was down expires at its start")
    func expiredMeanwhile() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"))
            let probe = ProbeTool(requiresApproval: true)
            try await withStore { store in
                let run = try await withRuntime(fake: fake, tools: [probe], on: store) { runtime in
                    try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                }
                store.clock.advance(bySeconds: 90_000)
                try await withRuntime(fake: fake, tools: [probe], on: store) { runtime in
                    try await eventually("the end") { try await runtime.detail(of: run.ref).summary.status == .failed }
                }
            }
        }
    }

    @Test("of many decisions at once the first counts and the others are conflicts")
    func concurrent() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"), .text("done"))
            let probe = ProbeTool(requiresApproval: true)
            try await withRuntime(fake: fake, settings: settings(.toldToModel), tools: [probe]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let id = try #require(run.pause.approvalID)
                let (engine, workspace) = (runtime.runtime, runtime.store.workspace.ref)
                let (wins, losses) = (Collected<Bool>(), Collected<ErrorCode>())
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<12 {
                        group.addTask {
                            do {
                                let verdict = Runtime.Verdict(isApproved: number % 2 == 0)
                                _ = try await engine.decide(id, workspace: workspace, verdict)
                                wins.add(verdict.isApproved)
                            } catch {
                                losses.add((error as? AgentOSError)?.code ?? .internal)
                            }
                        }
                    }
                }
                #expect(wins.all.count == 1 && losses.all == Array(repeating: .conflict, count: 11))
                #expect(try await runtime.result(of: run.ref).text == "done")
                #expect(probe.calls.count == (wins.all.first == true ? 1 : 0))
                #expect(try await runtime.types(of: run.ref).count { $0 == "approval.decided" } == 1)
            }
        }
    }

    @Test("an approval of another workspace is not found")
    func foreign() async throws {
        try await withFakeProvider { fake in
            fake.play(.probe("a"))
            try await withRuntime(fake: fake, tools: [ProbeTool(requiresApproval: true)]) { runtime in
                let run = try await runtime.pausedRun(of: try await runtime.agent(tools: ["probe"]))
                let id = try #require(run.pause.approvalID)
                let elsewhere = WorkspaceRef(key: 4711, id: .new(at: runtime.store.clock.now))
                let refused = try await refusal {
                    try await runtime.runtime.decide(id, workspace: elsewhere, .init(isApproved: true))
                }
                #expect(refused?.code == .notFound)
            }
        }
    }
}
