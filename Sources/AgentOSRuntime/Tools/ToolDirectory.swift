import AgentOSCore
import AgentOSStore
import Synchronization

/// Finds tools by name: the built-in ones and those that a workspace brings along.
public final class ToolDirectory: Sendable {
    private let shelf = Mutex(ToolShelf([]))
    private let sources: [any ToolSource]

    init(sources: [any ToolSource]) { self.sources = sources }

    func set(builtin: [any Tool]) {
        let made = ToolShelf(builtin)
        shelf.withLock { $0 = made }
    }

    public var builtin: ToolShelf { shelf.withLock { $0 } }

    /// The tools of these names. One that is gone is simply not there.
    public func shelf(for names: [String], workspace: WorkspaceRef) async throws -> ToolShelf {
        let builtin = builtin
        let rest = names.filter { builtin[$0] == nil }
        guard !rest.isEmpty else { return builtin }
        var more: [any Tool] = []
        for source in sources { more += try await source.tools(named: rest, workspace: workspace) }
        return builtin.adding(more)
    }

    /// - Parameter gated: whether the calls are to wait for a person's yes.
    /// - Throws: VALIDATION_ERROR naming the first name that is no tool's, or that of a tool which cannot be gated.
    public func check(_ names: [String], field: String, gated: Bool = false, workspace: WorkspaceRef) async throws {
        let shelf = try await shelf(for: names, workspace: workspace)
        for (index, name) in names.enumerated() {
            guard let tool = shelf[name] else {
                throw AgentOSError.invalid("\(field)[\(index)]", "there is no tool named \(name.prefix(80))")
            }
            if gated, case .question = tool.interaction {
                throw AgentOSError.invalid("\(field)[\(index)]", "\(name) asks a person by itself")
            }
        }
    }
}
