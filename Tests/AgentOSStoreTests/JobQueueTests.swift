import AgentOSCore
import AgentOSStore
import AgentOSTestSupport
import Synchronization
import Testing

extension TestStore {
    /// Enqueues a job that is due so many seconds from now.
    fileprivate func enqueue(_ name: String, in seconds: Double = 0, _ payload: JSONValue = .null) async throws {
        let now = clock.now
        try await stores.committer.write { connection in
            try JobQueue.enqueue(
                "work", name: name, at: now.advanced(bySeconds: seconds), payload: payload, now: now, connection)
        }
        stores.queue.wake()
    }

    /// Has so many dispatchers work while `body` runs.
    fileprivate func working(
        _ dispatchers: Int = 1, policy: JobDispatcher.Policy = .init(), _ handler: @escaping JobDispatcher.Handler,
        _ body: () async throws -> Void
    ) async throws {
        let tasks = (0..<dispatchers).map { _ in
            let dispatcher = JobDispatcher(queue: stores.queue, clock: clock.wall)
            dispatcher.register("work", policy: policy, handler)
            return Task { await dispatcher.run() }
        }
        func stop() async {
            for task in tasks { task.cancel() }
            for task in tasks { await task.value }
        }
        do {
            try await body()
            await stop()
        } catch {
            await stop()
            throw error
        }
    }

    fileprivate func later(_ seconds: Double) {
        clock.advance(bySeconds: seconds)
        stores.queue.wake()
    }

    /// Waits until a job that is due now was worked on, so that what was due before it was looked at too.
    fileprivate func lookedAt(_ seen: Collected<Job>, by name: String) async throws {
        try await enqueue(name)
        try await eventually("the job \(name)") { seen.names.contains(name) }
    }

    fileprivate func waitUntilEmpty() async throws {
        try await eventually("an empty queue") { try await stores.queue.counts().waiting == 0 }
    }
}

extension Collected<Job> {
    fileprivate var names: [String] { all.map(\.name) }
}

private struct Broken: Error, CustomStringConvertible {
    let description = "the wheel came off"
}

@Suite("The queue of things to be done later")
struct JobQueueTests {
    @Test("a job of a transaction that is undone is never done")
    func rolledBack() async throws {
        try await withStore { store in
            let now = store.clock.now
            await #expect(throws: Broken.self) {
                try await store.committer.write { connection in
                    try JobQueue.enqueue("work", name: "undone", at: now, now: now, connection)
                    throw Broken()
                }
            }
            let seen = Collected<Job>()
            try await store.working {
                seen.add($0)
            } _: {
                try await store.lookedAt(seen, by: "kept")
                try await store.waitUntilEmpty()
            }
            #expect(seen.names == ["kept"])
        }
    }

    @Test("enqueuing a job again moves it, with its new payload, and leaves jobs of other names alone")
    func moved() async throws {
        try await withStore { store in
            try await store.enqueue("a", in: 100, ["version": 1])
            try await store.enqueue("b", in: 100)
            try await store.enqueue("a", in: 500, ["version": 2])
            #expect(try await store.queue.counts().waiting == 2)
            let seen = Collected<Job>()
            try await store.working {
                seen.add($0)
            } _: {
                store.later(101)
                try await store.lookedAt(seen, by: "now")
                try await eventually("b") { seen.names.contains("b") }
                #expect(!seen.names.contains("a"))
                store.later(400)
                try await eventually("a") { seen.names.contains("a") }
                try await store.waitUntilEmpty()
            }
            #expect(seen.all.first { $0.name == "a" }?.payload["version"] == 2 && seen.all.count == 3)
        }
    }

    @Test("a kind that leaves room for what is reported waits while very much is written, and only then")
    func room() async throws {
        try await withStore { store in
            let seen = Collected<Job>()
            let isBusy = Mutex(true)
            let dispatcher = JobDispatcher(
                queue: store.queue, clock: store.clock.wall, isBusy: { isBusy.withLock { $0 } })
            dispatcher.register("work") { seen.add($0) }
            dispatcher.register("idle work", policy: .init(rateWhenBusy: 0.001)) { seen.add($0) }
            let work = Task { await dispatcher.run() }
            let now = store.clock.now
            try await store.committer.write { connection in
                try JobQueue.enqueue("idle work", name: "patient", at: now, now: now, connection)
            }
            try await store.lookedAt(seen, by: "one")
            try await store.lookedAt(seen, by: "two")
            #expect(seen.names == ["one", "two"])
            isBusy.withLock { $0 = false }
            try await eventually("the patient job") {
                store.queue.wake()
                return seen.names.contains("patient")
            }
            work.cancel()
            await work.value
        }
    }

    @Test("very much is being written while it is, not before and not long after")
    func busy() async throws {
        try await withStore { store in
            #expect(!store.committer.isBusy)
            try await eventually("busy") {
                try await store.committer.write(cost: 64 << 20) { _ in }
                return store.committer.isBusy
            }
            try await eventually("quiet again") { !store.committer.isBusy }
        }
    }

    @Test("a removed job is not done")
    func removed() async throws {
        try await withStore { store in
            try await store.enqueue("gone", in: 10)
            try await store.committer.write { try JobQueue.remove("work", name: "gone", $0) }
            let seen = Collected<Job>()
            try await store.working {
                seen.add($0)
            } _: {
                store.later(11)
                try await store.lookedAt(seen, by: "other")
            }
            #expect(seen.names == ["other"])
        }
    }

    @Test("of two dispatchers one gets each due job")
    func once() async throws {
        try await withStore { store in
            for number in 0..<60 { try await store.enqueue("job \(number)", in: 5) }
            let seen = Collected<Job>()
            try await store.working(2) {
                seen.add($0)
            } _: {
                store.later(5)
                try await store.waitUntilEmpty()
            }
            #expect(seen.all.count == 60 && Set(seen.names).count == 60)
        }
    }

    @Test("a job that is being worked on is not handed out beside that")
    func held() async throws {
        try await withStore { store in
            let (seen, gate) = (Collected<Job>(), FakeGate())
            try await store.enqueue("slow")
            try await store.working(2) { job in
                seen.add(job)
                if job.name == "slow" { try await gate.wait() }
            } _: {
                try await eventually("the slow job") { seen.names == ["slow"] }
                try await store.lookedAt(seen, by: "one")
                try await store.lookedAt(seen, by: "two")
                gate.open()
                try await store.waitUntilEmpty()
            }
            #expect(seen.names == ["slow", "one", "two"])
        }
    }

    @Test("a failing job is tried again ever later and in the end parked with its error, for good")
    func parked() async throws {
        try await withStore { store in
            let seen = Collected<Job>()
            func settled(after attempts: Int) async throws {
                try await eventually("try \(attempts) on record") {
                    try await store.count("jobs WHERE attempts = \(attempts) AND lease_until IS NULL") == 1
                }
            }
            func tries() -> Int { seen.names.count { $0 == "bad" } }
            try await store.enqueue("bad")
            try await store.working(policy: .init(attempts: 3, first: 10, longest: 1000)) { job in
                seen.add(job)
                if job.name == "bad" { throw Broken() }
            } _: {
                try await settled(after: 1)
                store.later(7)
                try await store.lookedAt(seen, by: "one")
                #expect(tries() == 1)
                store.later(6)
                try await settled(after: 2)
                // Twice as long as the first time.
                store.later(14)
                try await store.lookedAt(seen, by: "two")
                #expect(tries() == 2)
                store.later(11)
                try await eventually("parked") { try await store.queue.counts().parked == 1 }
                store.later(100_000)
                try await store.lookedAt(seen, by: "three")
                #expect(tries() == 3)
            }
            #expect(seen.all.filter { $0.name == "bad" }.map(\.attempts) == [1, 2, 3])
            let parked = try await store.queue.parked()
            #expect(parked.map(\.kind) == ["work"] && parked.map(\.name) == ["bad"])
            #expect(parked.first?.error == "the wheel came off")
        }
    }

    @Test("a parked job that is enqueued again is tried again from the start")
    func unparked() async throws {
        try await withStore { store in
            let seen = Collected<Job>()
            try await store.enqueue("bad")
            try await store.working(policy: .init(attempts: 1)) { job in
                seen.add(job)
                if seen.all.count == 1 { throw AgentOSError(.conflict, "not now") }
            } _: {
                try await eventually("parked") { try await store.queue.parked().first?.error == "not now" }
                try await store.enqueue("bad")
                try await eventually("done") {
                    let counts = try await store.queue.counts()
                    return counts.waiting == 0 && counts.parked == 0
                }
            }
            #expect(seen.all.map(\.attempts) == [1, 1])
        }
    }

    @Test("a job of a kind that nobody knows is put where a person sees it, with a reason")
    func unknownKind() async throws {
        try await withStore { store in
            let now = store.clock.now
            try await store.committer.write { try JobQueue.enqueue("strange", name: "x", at: now, now: now, $0) }
            try await store.working { _ in
            } _: {
                try await eventually("a reason") {
                    try await store.count("jobs WHERE last_error LIKE '%strange%'") == 1
                }
            }
            #expect(try await store.queue.counts().parked == 1)
        }
    }

    @Test("work of one kind, however much and slow, takes no place from another")
    func places() async throws {
        try await withStore { store in
            let (slow, gate) = (Collected<Job>(), FakeGate())
            let now = store.clock.now
            try await store.committer.write { connection in
                for number in 0..<10 {
                    try JobQueue.enqueue("slow", name: "\(number)", at: now, now: now, connection)
                }
            }
            let dispatcher = JobDispatcher(queue: store.queue, clock: store.clock.wall)
            dispatcher.register("slow", policy: .init(places: 3)) { job in
                slow.add(job)
                try await gate.wait()
            }
            let quick = Collected<Job>()
            dispatcher.register("work") { quick.add($0) }
            let work = Task { await dispatcher.run() }
            try await eventually("as many slow ones as there are places") { slow.all.count == 3 }
            try await store.enqueue("after them")
            try await eventually("the quick one") { quick.names == ["after them"] }
            #expect(slow.all.count == 3)
            gate.open()
            try await eventually("all") { slow.all.count == 10 }
            work.cancel()
            await work.value
        }
    }

    @Test("a job that a stopping server cuts off is due as before, and the try does not count")
    func cutOff() async throws {
        try await withStore { store in
            let (seen, failures) = (Collected<Job>(), Collected<String>())
            try await store.enqueue("job")
            let dispatcher = JobDispatcher(
                queue: store.queue, clock: store.clock.wall, failed: { job, _ in failures.add(job.name) })
            dispatcher.register("work") { job in
                seen.add(job)
                try await Task.sleep(for: .seconds(600))
            }
            let work = Task { await dispatcher.run() }
            try await eventually("the job") { seen.names == ["job"] }
            work.cancel()
            await work.value
            #expect(failures.all.isEmpty)
            let again = Collected<Job>()
            try await store.working {
                again.add($0)
            } _: {
                try await store.waitUntilEmpty()
            }
            #expect(again.all.map(\.attempts) == [1])
        }
    }

    @Test("a job that is enqueued again while it is being worked on is done once more, with the new payload")
    func again() async throws {
        try await withStore { store in
            let (seen, gate) = (Collected<Job>(), FakeGate())
            try await store.enqueue("job", ["version": 1])
            try await store.working { job in
                seen.add(job)
                if job.payload["version"] == 1 { try await gate.wait() }
            } _: {
                try await eventually("the first") { seen.all.count == 1 }
                try await store.enqueue("job", in: 60, ["version": 2])
                gate.open()
                try await store.lookedAt(seen, by: "other")
                // That the first is done does not take the second away.
                #expect(try await store.count("jobs WHERE name = 'job'") == 1)
                store.later(61)
                try await eventually("the second") { seen.names.count { $0 == "job" } == 2 }
                try await store.waitUntilEmpty()
            }
            #expect(seen.all.filter { $0.name == "job" }.map { $0.payload["version"] } == [1, 2])
        }
    }

    @Test("a claim whose lease ran out goes to another, and what its first holder says counts no more")
    func leaseRanOut() async throws {
        try await withStore { store in
            let (seen, first, second) = (Collected<Job>(), FakeGate(), FakeGate())
            try await store.enqueue("job")
            try await store.working(2, policy: .init(attempts: 1)) { job in
                seen.add(job)
                guard job.name == "job" else { return }
                guard job.attempts == 1 else { return try await second.wait() }
                try await first.wait()
                throw Broken()
            } _: {
                try await eventually("the first") { seen.all.count == 1 }
                store.later(250)
                try await store.lookedAt(seen, by: "early")
                #expect(seen.names == ["job", "early"])
                store.later(51)
                try await eventually("the second") { seen.names.count { $0 == "job" } == 2 }
                first.open()
                try await store.lookedAt(seen, by: "late")
                #expect(try await store.queue.counts().parked == 0)
                second.open()
                try await store.waitUntilEmpty()
            }
            #expect(seen.names.count { $0 == "job" } == 2)
            #expect(try await store.queue.counts().parked == 0)
        }
    }

    @Test("after releaseAll the claims of a dead process are free at once")
    func releaseAll() async throws {
        try await withStore { store in
            let (seen, never) = (Collected<Job>(), FakeGate())
            try await store.enqueue("job")
            try await store.working { job in
                seen.add(job)
                if job.attempts == 1, job.name == "job" { try await never.wait() }
            } _: {
                try await eventually("the first") { seen.all.count == 1 }
                try await store.queue.releaseAll()
                store.queue.wake()
                try await eventually("the second") { seen.names == ["job", "job"] }
                try await store.waitUntilEmpty()
            }
        }
    }
}
