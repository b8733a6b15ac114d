import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

@Suite("Conversations that many take part in")
struct ConversationTests {
    @Test("each turn is told all turns before it, however many come at once")
    func concurrent() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("ok"), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent()
                let first = try await runtime.say("start", to: agent) { $0.memory = .startSession }
                _ = await first.result()
                let id = try #require(first.conversation)
                let engine = runtime.runtime
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            let request = InvokeRequest(memory: .session(id))
                            try await eventually("its turn") {
                                try await refusal {
                                    _ = try await engine.outcome(of: try await engine.invoke(agent, request))
                                } == nil
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(fake.requests.map(\.messages.count) == (0..<9).map { 1 + 2 * $0 })
            }
        }
    }

    @Test("whom a conversation is with may be said later; from then on it is with nobody else")
    func laterUser() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("ok"), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent()
                let first = try await runtime.say("start", to: agent) { $0.memory = .startSession }
                _ = await first.result()
                let id = try #require(first.conversation)
                func say(as user: String?) async throws {
                    let live = try await runtime.say("more", to: agent) {
                        $0.memory = .session(id)
                        $0.externalUserID = user
                    }
                    #expect(await live.result().text == "ok")
                }
                func user() async throws -> String? {
                    try await runtime.store.conversations.ref(id, agent: agent.key).externalUserID
                }
                #expect(try await user() == nil)
                try await say(as: "late")
                #expect(try await user() == "late")
                try await say(as: "late")
                try await say(as: nil)
                let refused = try await refusal { try await say(as: "other") }
                #expect(refused?.code == .validation && refused?.path == "external_user_id")
                #expect(try await user() == "late")
                #expect(try await runtime.store.count("runs") == 4)
            }
        }
    }

    @Test("of many who say at once whom a conversation is with, one is heard")
    func usersAtOnce() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("ok"), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent()
                let first = try await runtime.say("start", to: agent) { $0.memory = .startSession }
                _ = await first.result()
                let id = try #require(first.conversation)
                let engine = runtime.runtime
                let heard = Collected<String>()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<8 {
                        group.addTask {
                            let user = "u\(number)"
                            let request = InvokeRequest(memory: .session(id), externalUserID: user)
                            try await eventually("an answer") {
                                let error = try await refusal {
                                    _ = try await engine.outcome(of: try await engine.invoke(agent, request))
                                }
                                if error?.code == .conflict { return false }
                                if error == nil { heard.add(user) }
                                #expect(error == nil || error?.path == "external_user_id")
                                return true
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(heard.all.count == 1)
                let conversation = try await runtime.store.conversations.ref(id, agent: agent.key)
                #expect(conversation.externalUserID == heard.all.first)
            }
        }
    }

    @Test("a run that was made out of what the conversation held earlier is not begun")
    func outdated() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("ok"), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent()
                let first = try await runtime.say("start", to: agent) { $0.memory = .startSession }
                _ = await first.result()
                let id = try #require(first.conversation)
                let earlier = try await runtime.store.conversations.ref(id, agent: agent.key)
                _ = await (try runtime.say("more", to: agent) { $0.memory = .session(id) }).result()
                let now = runtime.store.clock.now
                var events = EventBatch()
                events.append(event: Array(#"{"type":"run.started"}"#.utf8), occurredAt: now)
                var draft = HostedRunStore.Beginning(
                    run: .init(
                        id: .new(at: now), workspaceKey: agent.workspaceKey, agentKey: agent.key, trigger: .sdk,
                        hosted: true, input: Array("{}".utf8), startedAt: now),
                    entries: [], events: try OwnEvents(events, createdAt: now))
                draft.session = .resume(earlier)
                let beginning = draft
                await #expect(throws: ConversationStore.Outdated.self) {
                    _ = try await runtime.store.hosted.begin(beginning, node: 1)
                }
                #expect(try await runtime.store.count("runs") == 2)
            }
        }
    }
}
