import AgentOSCore
import AgentOSRuntime
import AgentOSStore
import AgentOSWire

/// Fires schedules. A due time makes one run: the run is found again by the time when its making is tried anew.
struct ScheduleRunner: Sendable {
    /// A time that was missed by more is not caught up with.
    static let lateSeconds = 3600.0

    let stores: Stores
    let runtime: Runtime

    func fire(agentKey: Int64) async throws {
        guard let schedule = try await stores.schedules.schedule(ofAgent: agentKey), schedule.isEnabled,
            let first = schedule.nextRunAt
        else { return }
        let now = stores.clock.now()
        guard first <= now else {
            // The clock was set back, or somebody moved the schedule: it comes when it is time.
            return try await stores.schedules.settle(schedule, due: first.advanced(bySeconds: -60), .passed)
        }
        let due = latest(of: schedule, from: first, until: now)
        guard now.microseconds - due.microseconds < Int64(Self.lateSeconds * 1e6),
            let agent = try await agent(schedule), agent.status == .active, agent.runtimeType == .hosted
        else { return try await stores.schedules.settle(schedule, due: due, .passed) }
        let invocation = HostedRunStore.Invocation(own: "schedule", "\(due.microseconds)", body: schedule.input)
        if try await stores.hosted.known(invocation, agent: agentKey) == nil, try await isGoing(schedule) {
            return try await stores.schedules.settle(schedule, due: due, .skipped(agentName: agent.name))
        }
        do {
            var request = InvokeRequest(input: schedule.input)
            request.promptVariables = try InvokeRequest.variables(.object(schedule.promptVariables))
            request.background = true
            let started = try await runtime.invoke(agent, request, trigger: .scheduled, invocation: invocation)
            try await stores.schedules.settle(schedule, due: due, .ran(started.ref))
        } catch let error as AgentOSError where [.validation, .paymentRequired, .notFound].contains(error.code) {
            // It will not go better in a moment: the next time is tried.
            try await stores.schedules.settle(
                schedule, due: due, .refused(agentName: agent.name, reason: error.message))
        }
    }

    /// Of several missed times the last counts: there is one run to catch up with all of them.
    private func latest(of schedule: Schedule, from first: Timestamp, until now: Timestamp) -> Timestamp {
        guard let rule = schedule.rule else { return first }
        var due = first
        let horizon = now.advanced(bySeconds: -Self.lateSeconds)
        if first < horizon, let recent = rule.next(after: horizon), recent <= now { due = recent }
        while let next = rule.next(after: due), next <= now { due = next }
        return due
    }

    private func agent(_ schedule: Schedule) async throws -> Agent? {
        guard let id = try await stores.agents.id(ofKey: schedule.agentKey) else { return nil }
        return try? await stores.agents.agent(id, workspace: schedule.workspaceKey)
    }

    private func isGoing(_ schedule: Schedule) async throws -> Bool {
        guard let key = schedule.lastRunKey, let run = try await stores.hosted.ref(key: key) else { return false }
        return try await stores.runs.status(run)?.isTerminal == false
    }
}
