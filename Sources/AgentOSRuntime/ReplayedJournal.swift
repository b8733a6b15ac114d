import AgentOSCore

/// A journal as a replay sees it: model replies and tool results, the steps of a run, counted from 1.
struct ReplayedJournal {
    private struct Round {
        let call: ModelCall
        let reply: RecordedReply
        var results: [String: ToolResult] = [:]

        /// Results in the order of the calls.
        var settled: [ToolResult] { reply.reply.toolCalls.compactMap { results[$0.id] } }
    }

    private var rounds: [Round] = []

    /// - Throws: `RunMachine.UnexpectedEntry`
    init(_ journal: [JournalEntry]) throws {
        var open: ModelCall?
        for entry in journal {
            switch entry {
            case .modelCalled(let call): open = call
            case .modelReplied(let recorded):
                if let call = open { rounds.append(Round(call: call, reply: recorded)) }
                open = nil
            case .toolReturned(let result, _):
                if let last = rounds.indices.last { rounds[last].results[result.callID] = result }
            default: continue
            }
        }
        // What the model was told in the end also tells of rejections and of people's answers.
        let machine = try RunMachine(journal: journal)
        var round = 0
        for message in machine.messages.dropFirst(machine.plan.history.count) {
            switch message {
            case .assistant(_, let calls) where !calls.isEmpty:
                while round < rounds.count, rounds[round].reply.reply.toolCalls != calls { round += 1 }
            case .toolResults(let results) where round < rounds.count:
                for result in results { rounds[round].results[result.callID] = result }
                round += 1
            default: continue
            }
        }
    }

    var stepCount: Int { rounds.reduce(0) { $0 + 1 + $1.settled.count } }

    /// Steps 1 to `step` - 1 as entries of another journal; what is taken over counts no tokens and no money.
    /// - Parameter waits: whether a call that is made anew waits for a person's yes, whatever held when its reply came.
    func entries(before step: Int, waits: (ToolCall) -> Bool) -> [JournalEntry] {
        var out: [JournalEntry] = []
        var left = step - 1
        for round in rounds {
            guard left > 0 else { break }
            left -= 1
            var recorded = round.reply
            recorded.reply.usage = TokenUsage()
            recorded.cost = nil
            var call = round.call
            call.reservation = nil
            call.lost = nil
            let settled = round.settled.prefix(left)
            left -= settled.count
            for call in recorded.reply.toolCalls
            where !settled.contains(where: { $0.callID == call.id }) && !recorded.gated.contains(call.id)
                && !recorded.questions.contains(call.id) && waits(call)
            {
                recorded.gated.append(call.id)
            }
            out += [.modelCalled(call), .modelReplied(recorded)]
            for result in settled {
                out += [.toolsCalled(callIDs: [result.callID]), .toolReturned(result, cost: nil)]
            }
        }
        return out
    }
}
