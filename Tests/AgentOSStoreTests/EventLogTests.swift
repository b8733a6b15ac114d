import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Testing

@Suite("The event log")
struct EventLogTests {
    private func types(_ store: TestStore, _ run: RunRef) async throws -> [String] {
        try await store.events(run).compactMap { $0.json["type"]?.stringValue }
    }

    @Test("a batch sent again, also in a differently cut batch, is stored once and the receipt names its place")
    func repeats() async throws {
        try await withStore { store in
            let run = try await store.run()
            let all = (0..<12).map { point("e\($0)", at: Double($0)) }
            let first = try await store.log.append(.sent(Array(all[..<5])), toRun: run.key)
            #expect(first == .init(accepted: 5, first: 1, last: 5, stored: 5))
            let larger = try await store.log.append(.sent(all), toRun: run.key)
            #expect(larger == .init(accepted: 12, first: 1, last: 12, stored: 7))
            let again = try await store.log.append(.sent(Array(all[3..<6])), toRun: run.key)
            #expect(again == .init(accepted: 3, first: 4, last: 6, stored: 0))
            #expect(try await types(store, run) == (0..<12).map { "e\($0)" })
            #expect(try await store.events(run).map(\.sequence) == Array(1...12))
        }
    }

    @Test("repeats are recognised after the store was opened anew")
    func reopened() async throws {
        try await withStore { store in
            let run = try await store.run()
            let batch = try EventBatch.sent([point("a", at: 1), span("s", id: "s1"), point("b", at: 2)])
            _ = try await store.log.append(batch, toRun: run.key)
            let anew = try await store.reopened()
            #expect(try await anew.log.append(batch, toRun: run.key).stored == 0)
            #expect(try await anew.events(run).count == 3)
            try anew.close()
        }
    }

    @Test("equal events of one request are all stored and all recognised when they come again")
    func ordinals() async throws {
        try await withStore { store in
            let run = try await store.run()
            let same = point("same", at: 1)
            let batch = try EventBatch.sent([same, same, point("other", at: 2), same])
            #expect(try await store.log.append(batch, toRun: run.key).stored == 4)
            #expect(try await store.log.append(batch, toRun: run.key).stored == 0)
            #expect(try await store.log.append(.sent([same, same, same, same]), toRun: run.key).stored == 1)
            #expect(try await types(store, run) == ["same", "same", "other", "same", "same"])
        }
    }

    @Test("a span is known by its id: the first wins, also within one request and at another time")
    func spans() async throws {
        try await withStore { store in
            let run = try await store.run()
            _ = try await store.log.append(.sent([span("first", id: "s1", at: 1)]), toRun: run.key)
            let receipt = try await store.log.append(
                .sent([span("second", id: "s1", at: 500), span("x", id: "s2", at: 600), span("y", id: "s2", at: 601)]),
                toRun: run.key)
            #expect(receipt == .init(accepted: 3, first: 1, last: 2, stored: 1))
            #expect(try await types(store, run) == ["first", "x"])
        }
    }

    @Test("an event without time and span id is never a repeat")
    func timeless() async throws {
        try await withStore { store in
            let run = try await store.run()
            for _ in 0..<3 { _ = try await store.log.append(.sent([point("tick")]), toRun: run.key) }
            #expect(try await types(store, run) == ["tick", "tick", "tick"])
        }
    }

    @Test("old events are recognised long after they left the memory of the writer")
    func beyondTheWindow() async throws {
        try await withStore { store in
            let run = try await store.run()
            let batches = (0..<60).map { batch in (0..<50).map { point("e", at: Double(batch * 50 + $0)) } }
            for batch in batches { _ = try await store.log.append(.sent(batch), toRun: run.key) }
            #expect(
                try await store.log.append(.sent(batches[0]), toRun: run.key)
                    == .init(accepted: 50, first: 1, last: 50, stored: 0))
            #expect(try await store.log.append(.sent([point("late", at: 0.5)]), toRun: run.key).first == 3001)
        }
    }

    @Test("many senders at once get gapless numbers and no batch is torn apart")
    func concurrency() async throws {
        try await withStore { store in
            let run = try await store.run()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<40 {
                    group.addTask {
                        let batch = try EventBatch.sent((0..<10).map { point("s\(sender)-\($0)", at: Double($0)) })
                        _ = try await store.log.append(batch, toRun: run.key)
                    }
                }
                try await group.waitForAll()
            }
            let events = try await store.events(run)
            #expect(events.map(\.sequence) == Array(1...400))
            let names = events.compactMap { $0.json["type"]?.stringValue }
            for start in stride(from: 0, to: 400, by: 10) {
                let sender = names[start].split(separator: "-")[0]
                #expect(Array(names[start..<start + 10]) == (0..<10).map { "\(sender)-\($0)" })
            }
        }
    }

    @Test("after merging, events, numbers and times are the same and repeats are still recognised")
    func merging() async throws {
        try await withStore { store in
            let run = try await store.run()
            let batches = (0..<20).map { batch in
                (0..<30).map { point("e\(batch)", at: Double(batch * 30 + $0)) } + [
                    span("s", id: "\(batch)", at: Double(batch))
                ]
            }
            for batch in batches {
                store.clock.advance(bySeconds: 1)
                _ = try await store.log.append(.sent(batch), toRun: run.key)
            }
            let before = try await store.events(run)
            try await store.runs.end(run, .completed(output: nil, usage: GivenUsage()))
            #expect(try await store.merger.mergeDue(limit: 10) == 1)
            #expect(try await store.count("event_chunks") == 1)
            let after = try await store.events(run)
            #expect(after.map(\.text) == before.map(\.text) && after.map(\.createdAt) == before.map(\.createdAt))
            for batch in batches { #expect(try await store.log.append(.sent(batch), toRun: run.key).stored == 0) }
            #expect(try await store.log.append(.sent([point("late", at: 9999)]), toRun: run.key).first == 621)
            #expect(try await store.merger.mergeDue(limit: 10) == 0)
        }
    }

    @Test("tokens are the spans' sum, else the responses', and given counts replace both")
    func tokens() async throws {
        try await withStore { store in
            let run = try await store.run()
            func effective() async throws -> Int? {
                try await store.runs.detail(run.id, workspace: run.workspaceKey).summary.tokens.input
            }
            _ = try await store.log.append(
                .sent([point("llm.response", at: 1, payload: #"{"input_tokens":3}"#)]), toRun: run.key)
            #expect(try await effective() == 3)
            let call = span("m", id: "s1", kind: "llm", payload: #"{"input_tokens":10}"#)
            for _ in 0..<2 { _ = try await store.log.append(.sent([call]), toRun: run.key) }
            #expect(try await effective() == 10)
            try await store.runs.end(run, .completed(output: nil, usage: GivenUsage(input: 100)))
            #expect(try await effective() == 100)
        }
    }
}
