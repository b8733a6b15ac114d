import AgentOSCore
import AgentOSStore

/// All operations by name, and the one way to call them.
public struct OperationRegistry: Sendable {
    public let operations: [Operation]
    private let byName: [String: Operation]
    private let workspaces: WorkspaceStore
    private let committer: GroupCommit
    private let clock: WallClock

    public init(_ services: ControlServices) {
        operations =
            Operation.agents(services) + Operation.keys(services) + Operation.runs(services)
            + Operation.conversations(services) + Operation.workspaces(services) + Operation.tools(services)
            + Operation.providers(services) + Operation.approvals(services) + Operation.replay(services)
            + Operation.workspaceTools(services) + Operation.resources(services) + Operation.budgets(services)
            + Operation.mcpServers(services)
            + Operation.folders(services)
            + Operation.members(services)
            + Operation.notifications(services)
            + Operation.figures(services)
            + Operation.schedules(services)
            + Operation.webhooks(services)
            + Operation.alerts(services)
            + Operation.evals(services)
            + Operation.reports(services)
            + Operation.marketplace(services) + Operation.versions(services) + Operation.audit(services)
            + Operation.search(services) + Operation.jobs(services) + Operation.retention(services)
        byName = Dictionary(operations.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        workspaces = services.workspaces
        committer = services.committer
        clock = services.clock
    }

    public subscript(_ name: String) -> Operation? { byName[name] }

    /// Calls an operation: kind of key, workspace and role first, then the parameters, then the object.
    /// - Parameter body: parses the parameters; called after the kind of key was checked.
    public func call(
        _ name: String, by principal: Principal, body: () throws -> JSONObject
    ) async throws -> OperationResult {
        if case .agent = principal.scope { throw Self.notForAgents }
        guard let operation = byName[name] else { throw AgentOSError(.notFound, "No method \(name.prefix(80)).") }
        try Self.checkKind(of: principal, for: operation)
        let object: JSONObject
        do {
            object = try body()
            if object.repeated.contains("workspace") {
                throw AgentOSError.invalid("workspace", "is given more than once")
            }
        } catch {
            try await admit(principal, to: name)
            throw error
        }
        var context: OperationContext?
        if let role = operation.access.leastRole {
            context = try await self.context(for: principal, named: object["workspace"], atLeast: role)
        }
        let parameters = try operation.parameters.check(object)
        let call = OperationCall(principal: principal, context: context, parameters: parameters)
        guard operation.isAudited else { return try await operation.run(call) }
        return try await audited(operation, call)
    }

    private static func checkKind(of principal: Principal, for operation: Operation) throws {
        guard operation.access.isForPersons else { return }
        guard case .user = principal.scope else { throw needsPerson }
    }

    /// Whether a caller may call an operation in any workspace at all. Asked where a body does not say which one is
    /// meant, since it cannot be read: who may not call is told that first.
    /// - Throws: FORBIDDEN
    public func admit(_ principal: Principal, to name: String) async throws {
        guard let operation = byName[name] else { return }
        try Self.checkKind(of: principal, for: operation)
        guard let role = operation.access.leastRole else { return }
        switch principal.scope {
        case .agent: throw Self.notForAgents
        case .workspace: _ = try await context(for: principal, named: nil as String?, atLeast: role)
        case .user(let user):
            guard let highest = try await workspaces.memberships(ofUser: user).map(\.role).max() else {
                throw Self.withoutWorkspace
            }
            try Self.check(highest, atLeast: role)
        }
    }

    /// Runs an operation so that what it writes goes into the audit log with it.
    private func audited(_ operation: Operation, _ call: OperationCall) async throws -> OperationResult {
        let actor: AuditTrail.Actor
        switch call.principal.scope {
        case .user(let user): actor = .init(kind: "user", keyKey: call.principal.keyKey, userKey: user)
        case .workspace, .agent: actor = .init(kind: "workspace_key", keyKey: call.principal.keyKey)
        }
        let trail = AuditTrail(
            operation: operation.name, workspace: call.context?.workspaceKey, actor: actor,
            subject: Self.subject(of: operation, call),
            parameters: operation.parameters.withoutSecrets(call.parameters.object), clock: clock)
        let result = try await AuditTrail.$current.withValue(trail) { try await operation.run(call) }
        if !trail.isRecorded {
            try await committer.write { try trail.record($0) }
        }
        return result
    }

    /// What a call is about: what a parameter names by its id, else the workspace.
    private static func subject(of operation: Operation, _ call: OperationCall) -> AuditTrail.Subject? {
        let named = operation.parameters.parameters.filter {
            $0.name.hasSuffix("_id") && call.parameters.string($0.name) != nil
        }
        guard let parameter = named.first(where: \.isRequired) ?? named.first,
            let id = call.parameters.string(parameter.name)
        else {
            return call.context.map { AuditTrail.Subject(kind: "workspace", id: "\($0.workspace.ref.id)") }
        }
        let kind = parameter.name.dropLast("_id".count).split(separator: "_").joined(separator: " ")
        return AuditTrail.Subject(kind: kind, id: UUIDBits(id)?.text ?? id)
    }

    private static let needsPerson = AgentOSError(
        .forbidden, "A workspace key cannot do this; use the personal key of a member.")

    public static let notForAgents = AgentOSError(
        .forbidden, "An agent key cannot be used here; use a workspace or personal key.")

    private static let noWorkspace = AgentOSError(
        .forbidden, "There is no such workspace, or this key has no access to it.")

    private static let withoutWorkspace = AgentOSError(.forbidden, "This key's user is a member of no workspace.")

    private static func check(_ given: Role, atLeast role: Role) throws {
        guard given >= role else {
            throw AgentOSError(.forbidden, "This needs the role \(role.word) or above; yours is \(given.word).")
        }
    }

    private func context(
        for principal: Principal, named name: JSONValue?, atLeast role: Role
    ) async throws -> OperationContext {
        if let name, !name.isNull, name.stringValue == nil {
            throw AgentOSError.invalid("workspace", "must be a string, not \(name.kindName)")
        }
        return try await self.context(for: principal, named: name?.stringValue, atLeast: role)
    }

    /// Finds the workspace a request means and what its sender may do there (contract 1.4).
    /// - Throws: FORBIDDEN without access to it, VALIDATION_ERROR when a personal key has to name one.
    public func context(
        for principal: Principal, named given: String?, atLeast role: Role
    ) async throws -> OperationContext {
        let context: OperationContext
        switch principal.scope {
        case .agent: throw Self.notForAgents
        case .workspace(let own):
            guard let workspace = try await workspaces.workspace(key: own.key) else { throw Self.noWorkspace }
            if let given, given != workspace.slug, WorkspaceID(given) != own.id { throw Self.noWorkspace }
            context = OperationContext(principal: principal, workspace: workspace, role: .admin)
        case .user(let user):
            let memberships = try await workspaces.memberships(ofUser: user)
            let membership: Membership?
            if let given {
                membership = memberships.first {
                    $0.workspace.slug == given || $0.workspace.ref.id == WorkspaceID(given)
                }
            } else if memberships.count <= 1 {
                guard !memberships.isEmpty else { throw Self.withoutWorkspace }
                membership = memberships.first
            } else {
                throw AgentOSError.invalid("workspace", "is required: this key's user has several workspaces")
            }
            guard let membership else { throw Self.noWorkspace }
            context = OperationContext(principal: principal, workspace: membership.workspace, role: membership.role)
        }
        try Self.check(context.role, atLeast: role)
        return context
    }
}
