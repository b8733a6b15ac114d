import AgentOSCore
import AgentOSProviders
import AgentOSStore
import AgentOSWire

extension RunExecutor {
    /// The event of a model call about to be made. Prompts with filled-in variables never appear in events.
    static func recordRequest(
        _ machine: RunMachine, iteration: Int, model: String, at time: Timestamp, _ recorder: inout RunRecorder
    ) {
        var payload: JSONObject = [
            "model": .string(model), "iteration": .int(iteration), "messages": .int(machine.messages.count),
        ]
        if iteration == 1 { payload["prompt"] = RunRecorder.shown(machine.plan.prompt) }
        recorder.point("llm.request", at: time, payload)
    }

    /// - Parameter open: the call as it was announced, when it is on record already.
    func callModel(_ iteration: Int, _ open: ModelCall?, _ state: inout Progress) async throws {
        var call =
            open
            ?? ModelCall(iteration: iteration, model: state.machine.plan.model, provider: state.machine.plan.provider)
        // The first call of a run is announced with its beginning. A call that a dead process announced is announced
        // anew: what its watchers have heard of it does not count.
        if open == nil || !state.isAnnounced { try await announce(&call, open, &state) }
        state.isAnnounced = false
        // When no model takes over, the run tells what was wrong with the one that was asked for.
        var fault: ProviderError?
        while true {
            do {
                return try await perform(call, &state)
            } catch let error as ProviderError where error.canFallBack && !live.isLate {
                let first = fault ?? error
                fault = first
                guard let next = try await fallback(after: call.model, state.machine.plan) else { throw first }
                let failed = call
                (call.model, call.provider) = next
                try await announce(&call, failed, &state)
            }
        }
    }

    /// The next model behind this one whose provider the workspace has a key for.
    private func fallback(
        after model: String, _ plan: RunPlan
    ) async throws -> (model: String, provider: ProviderType)? {
        var models = [plan.model]
        for name in plan.fallbackModels where !models.contains(name) { models.append(name) }
        guard let place = models.firstIndex(of: model) else { return nil }
        for name in models.dropFirst(place + 1) {
            let type = ModelNames.provider(forModel: name) ?? plan.provider
            if try await services.providers.find(type, workspace: workspace) != nil { return (name, type) }
        }
        return nil
    }

    /// Puts the intent on record, with the money it may cost.
    private func announce(_ call: inout ModelCall, _ open: ModelCall?, _ state: inout Progress) async throws {
        try Self.checkCost(state.machine, besides: state.lost?.cost)
        let before = state
        let now = clock.now()
        // Text of the call that this one takes the place of does not count any more: the reset says so.
        state.unfinished = nil
        state.settle()
        call.reservation = nil
        call.lost = state.lost
        state.lost = nil
        if open == nil || open?.model != call.model {
            Self.recordRequest(state.machine, iteration: call.iteration, model: call.model, at: now, &state.recorder)
        }
        try state.take(.modelCalled(call))
        if open != nil { state.frame(FrameID.resetNumber, .reset) }
        do {
            try await commit(&state, estimate: Self.estimate(call, state.machine, shelf, services.prices, now))
        } catch let error as AgentOSError where error.code == .paymentRequired {
            // The call is not made, so it is not on record either.
            state = before
            throw error
        }
    }

    /// Asked before each model call, the first one included.
    /// - Parameter lost: what was spent that is not on record yet.
    /// - Throws: PAYMENT_REQUIRED when the run has spent what it may.
    static func checkCost(_ machine: RunMachine, besides lost: Money? = nil) throws {
        let cost = machine.cost + (lost ?? .zero)
        guard let limit = machine.plan.maxCost, cost >= limit else { return }
        throw AgentOSError(
            .paymentRequired,
            "The run has cost \(cost.usd) US dollars; it may cost \(limit.usd) (max_cost_usd).")
    }

    /// An upper bound of what the call costs; zero for a model without a price.
    static func estimate(
        _ call: ModelCall, _ machine: RunMachine, _ shelf: ToolShelf, _ prices: PriceBook, _ now: Timestamp
    ) -> Reservation? {
        if call.provider == .demo { return nil }
        let day = BudgetStore.day(of: now)
        guard let price = prices.price(of: call.model, at: now) else { return Reservation(amount: .zero, day: day) }
        let bytes =
            machine.messages.reduce(machine.plan.system.utf8.count) { $0 + $1.size } + 400 * machine.plan.tools.count
        // Three bytes a token is more than texts of any language have in common models.
        let usage = TokenUsage(input: bytes / 3 + 16, output: machine.plan.maxTokens)
        return Reservation(amount: price.cost(of: usage), day: day)
    }

    private func perform(_ call: ModelCall, _ state: inout Progress) async throws {
        let plan = state.machine.plan
        guard let provider = try await services.providers.find(call.provider, workspace: workspace) else {
            throw ProviderError(.unauthorised, ProviderDirectory.missingKey(of: call.provider))
        }
        let streams = live.isWatched && plan.outputSchema == nil
        let request = ModelRequest(
            model: call.model, system: plan.system, messages: state.machine.messages,
            tools: shelf.definitions(plan.tools), temperature: plan.temperature, maxTokens: plan.maxTokens,
            outputSchema: plan.outputSchema, stream: streams)
        let start = clock.now()
        let span = UUIDBits.v7(at: start)
        let entry = state.machine.position - 1
        let text = CallText(of: live, entry: entry)
        let reply: ModelReply
        CrashPoint.pass("before-effect/model")
        do {
            reply = try await provider.reply(to: request) { text.add($0) }
        } catch {
            state.unfinished = UnfinishedText(text.finish())
            record(error, call, span: span, from: start, &state)
            throw error
        }
        CrashPoint.pass("after-effect/model")
        let cost = services.prices.price(of: call.model, at: start)?.cost(of: reply.usage)
        record(reply, call, cost, span: span, from: start, to: clock.now(), &state)
        state.settle(cost ?? .zero, on: BudgetStore.day(of: start))
        let (gated, questions) = sort(reply.toolCalls, plan)
        var sizes = text.finish().map(\.utf8.count)
        if sizes.isEmpty, !reply.text.isEmpty {
            state.frames.append(
                RunFrame(id: FrameID(entry: entry, number: FrameID.firstChunk), frame: .chunk(reply.text)))
        }
        if sizes.reduce(0, +) != reply.text.utf8.count { sizes = [] }
        try state.take(
            .modelReplied(
                RecordedReply(
                    reply, pieces: sizes.count > 1 ? sizes : [], gated: gated, questions: questions, cost: cost)))
        let free = reply.toolCalls.filter { !gated.contains($0.id) && !questions.contains($0.id) }
        guard !free.isEmpty else { return }
        try announceTools(free, at: clock.now(), &state)
        try await commit(&state)
    }

    /// A call that brought no reply, with what its provider counted all the same.
    private func record(
        _ error: any Error, _ call: ModelCall, span: UUIDBits, from start: Timestamp, _ state: inout Progress
    ) {
        let usage = (error as? ProviderError)?.usage
        let cost = usage.flatMap { services.prices.price(of: call.model, at: start)?.cost(of: $0) }
        var payload: JSONObject = ["model": .string(call.model), "error": .string(Self.message(of: error))]
        for (name, value) in usage?.members() ?? [] { payload[name] = value }
        if let cost { payload["cost_usd"] = .double(cost.usd) }
        state.recorder.span(
            call.model, kind: "llm", id: span, parent: state.recorder.rootSpan, from: start, to: clock.now(),
            level: .error, tokens: usage, model: call.model, cost: cost, payload)
        guard let usage else { return }
        state.lost = LostReply(usage: usage, cost: cost)
        state.settle(cost ?? .zero, on: BudgetStore.day(of: start))
    }

    private func record(
        _ reply: ModelReply, _ call: ModelCall, _ cost: Money?, span: UUIDBits, from start: Timestamp,
        to end: Timestamp,
        _ state: inout Progress
    ) {
        var response: JSONObject = ["model": .string(call.model), "response": RunRecorder.shown(reply.text)]
        if !reply.toolCalls.isEmpty {
            response["tool_calls"] = .array(reply.toolCalls.map { .string($0.name) })
        }
        var measured = JSONObject([("model", .string(call.model))])
        for (name, value) in reply.usage.members() {
            response[name] = value
            measured[name] = value
        }
        if let cost { measured["cost_usd"] = .double(cost.usd) }
        if let reason = reply.stopReason { measured["stop_reason"] = .string(reason) }
        state.recorder.point("llm.response", at: end, response)
        state.recorder.span(
            call.model, kind: "llm", id: span, parent: state.recorder.rootSpan, from: start, to: end,
            tokens: reply.usage, model: call.model, cost: cost, measured)
    }
}

extension ModelMessage {
    /// Bytes of text, about.
    var size: Int {
        switch self {
        case .user(let text): text.utf8.count
        case .assistant(let text, let calls):
            calls.reduce(text.utf8.count) { $0 + $1.name.utf8.count + $1.arguments.encoded.count }
        case .toolResults(let results): results.reduce(0) { $0 + $1.content.utf8.count }
        }
    }
}
