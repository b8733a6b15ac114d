import AgentOSCore
import Synchronization

/// Fires rules on events of a type, in the transaction that stores the event. As long as no such rule exists, an event
/// costs nothing here.
public final class EventAlerts: Sendable {
    /// The types that rules watch for, anywhere; nil until they were read.
    private let types = Mutex<Set<String>?>(nil)

    init() {}

    /// Has the rules read again. Called on the writer when a rule changes.
    func forget() { types.withLock { $0 = nil } }

    private func watched(_ connection: any SQLConnection) throws -> Set<String> {
        if let known = types.withLock({ $0 }) { return known }
        let found = try connection.rows(
            "SELECT condition_config FROM alert_rules WHERE condition_type = 'event_emitted' AND active = 1"
        ) { $0.json(0)?["event_type"]?.stringValue }
        let set = Set(found.compactMap { $0 })
        types.withLock { $0 = set }
        return set
    }

    func look(at chunk: PreparedChunk, run: Int64, now: Timestamp, _ connection: any SQLConnection) throws {
        let watched = try watched(connection)
        guard !watched.isEmpty else { return }
        var seen = Set<String>()
        for position in chunk.items.indices where seen.count < watched.count {
            let event = try? JSONParser.parse(Array(chunk.raw(position)), depth: JSONParser.documentDepth)
            let type = event?["type"]?.stringValue
            if let type, watched.contains(type) { seen.insert(type) }
        }
        guard !seen.isEmpty else { return }
        let place = try connection.row(
            "SELECT id, workspace_key, agent_key, hosted, is_test FROM runs WHERE key = $1", [.int(run)]
        ) { row in
            RunRef(
                key: run, id: RunID(try row.bits(0)), workspaceKey: try row.requiredInt(1),
                agentKey: try row.requiredInt(2), hosted: row.int(3) == 1, isTest: row.int(4) == 1)
        }
        guard let ref = place, !ref.isTest else { return }
        for rule in try AlertStore.watching(workspace: ref.workspaceKey, agent: ref.agentKey, connection) {
            guard rule.conditionType == "event_emitted", let type = rule.conditionConfig["event_type"]?.stringValue,
                seen.contains(type)
            else { continue }
            let isNew = try connection.run(
                "INSERT INTO alert_firings (run_key, rule_key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                [.int(run), .int(rule.key)])
            guard isNew > 0 else { continue }
            try AlertStore.fire(
                rule, agent: ref.agentKey, run: ref, reason: "A run emitted an event of the type \(type).", now: now,
                connection)
        }
    }
}
