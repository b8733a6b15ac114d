import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSTestSupport
import AgentOSWire
import Testing

@Suite("Invokes that are sent again")
struct InvocationTests {
    private func invocation(_ key: String = "order-1", _ body: String = "{}") -> HostedRunStore.Invocation {
        HostedRunStore.Invocation(key: key, body: Array(body.utf8))
    }

    @Test("the same key and body are the same run, while it goes on and after a restart")
    func same() async throws {
        try await withFakeProvider { fake in
            let gate = FakeGate()
            fake.play(.text("done").waiting(for: gate, after: 0))
            try await withStore { store in
                let (agent, ref) = try await withRuntime(fake: fake, on: store) { runtime in
                    let agent = try await runtime.agent()
                    let one = try await runtime.runtime.invoke(agent, InvokeRequest(), invocation: invocation())
                    await fake.waitForRequests(1)
                    let two = try await runtime.runtime.invoke(agent, InvokeRequest(), invocation: invocation())
                    #expect(one.ref == two.ref)
                    gate.open()
                    for started in [one, two] {
                        #expect(try await runtime.runtime.outcome(of: started).result.text == "done")
                    }
                    return (agent, one.ref)
                }
                try await withRuntime(fake: fake, on: store) { runtime in
                    let again = try await runtime.runtime.invoke(agent, InvokeRequest(), invocation: invocation())
                    #expect(again.ref == ref)
                    #expect(try await runtime.runtime.outcome(of: again).result.text == "done")
                    #expect(fake.requests.count == 1)
                }
            }
        }
    }

    @Test("a key is free again when its run is gone")
    func gone() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("done"), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let (store, agent) = (runtime.store, try await runtime.agent())
                let one = try await runtime.runtime.invoke(agent, InvokeRequest(), invocation: invocation())
                _ = try await runtime.runtime.outcome(of: one)
                store.clock.advance(bySeconds: 3 * 86400)
                let place = store.workspace.ref.key
                _ = try await store.retention.update(workspace: place) { $0 = .init(runDays: 1) }
                #expect(try await store.retention.sweep(workspace: place).runs == 1)
                let two = try await runtime.runtime.invoke(
                    agent, InvokeRequest(), invocation: invocation("order-1", "[]"))
                #expect(two.ref.id != one.ref.id)
                #expect(try await runtime.runtime.outcome(of: two).result.text == "done")
            }
        }
    }

    @Test("the same key with another body is a conflict; other keys and other agents are other runs")
    func other() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("done"), repeatingLast: true)
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent()
                let one = try await runtime.runtime.invoke(agent, InvokeRequest(), invocation: invocation())
                let refused = try await refusal {
                    try await runtime.runtime.invoke(
                        agent, InvokeRequest(), invocation: invocation("order-1", #"{"other": 1}"#))
                }
                #expect(refused?.code == .conflict && refused?.message.contains("Idempotency-Key") == true)
                let two = try await runtime.runtime.invoke(agent, InvokeRequest(), invocation: invocation("order-2"))
                let three = try await runtime.runtime.invoke(
                    try await runtime.agent(), InvokeRequest(), invocation: invocation())
                #expect(Set([one, two, three].map(\.ref)).count == 3)
                for started in [one, two, three] { _ = try await runtime.runtime.outcome(of: started) }
            }
        }
    }

    @Test("the same invoke many times at once is one run")
    func concurrent() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("done"))
            try await withRuntime(fake: fake) { runtime in
                let agent = try await runtime.agent()
                let (engine, refs, invocation) = (runtime.runtime, Collected<RunRef>(), invocation())
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<10 {
                        group.addTask {
                            let started = try await engine.invoke(agent, InvokeRequest(), invocation: invocation)
                            guard try await engine.outcome(of: started).result.text == "done" else { return }
                            refs.add(started.ref)
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(refs.all.count == 10 && Set(refs.all).count == 1)
                #expect(fake.requests.count == 1)
                #expect(try await runtime.store.count("runs") == 1)
            }
        }
    }

    @Test("an invoke that was refused can be sent again with its key")
    func refused() async throws {
        try await withFakeProvider { fake in
            fake.play(.text("done"))
            try await withRuntime(fake: fake) { runtime in
                let resting = try await runtime.agent { $0.status = .paused }
                for _ in 0..<2 {
                    let refused = try await refusal {
                        try await runtime.runtime.invoke(resting, InvokeRequest(), invocation: invocation())
                    }
                    #expect(refused?.code == .validation)
                }
                var awake = resting
                awake.status = .active
                let started = try await runtime.runtime.invoke(awake, InvokeRequest(), invocation: invocation())
                #expect(try await runtime.runtime.outcome(of: started).result.text == "done")
            }
        }
    }
}
