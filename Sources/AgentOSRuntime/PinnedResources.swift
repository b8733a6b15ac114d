import AgentOSCore
import AgentOSStore

/// Files that are put into an agent's system prompt (contract 7.1).
public struct PinnedResources: Sendable {
    /// Characters of the whole section.
    public static let bound = 200_000
    private static let truncationMark = "\n[truncated]"

    private let store: ResourceStore

    public init(store: ResourceStore) { self.store = store }

    /// What follows the system prompt: each file under a heading with its name, a line for each one that is gone.
    /// - Parameter pins: ids or names of files.
    public func section(for pins: [String], workspace: WorkspaceRef) async throws -> String {
        guard !pins.isEmpty else { return "" }
        let found = try await store.read(pins, workspace: workspace.key, characters: Self.bound)
        var out = "\n\n# Resources"
        var seen = Set<ResourceID>()
        for (pin, resource) in zip(pins, found) {
            guard let resource else {
                out += "\n\n(The pinned resource \(pin.prefix(200)) no longer exists.)"
                continue
            }
            guard seen.insert(resource.record.id).inserted else { continue }
            out += "\n\n## \(resource.record.filename)\n\n\(resource.content)"
            // A file that did not fit as a whole ends the section, and says so.
            if resource.content.utf8.count < resource.record.sizeBytes { return Self.cut(out, always: true) }
        }
        return Self.cut(out, always: false)
    }

    private static func cut(_ text: String, always: Bool) -> String {
        let length = text.unicodeScalars.count
        guard always || length > bound else { return text }
        return String(text.unicodeScalars.prefix(bound - truncationMark.unicodeScalars.count)) + truncationMark
    }

    /// Pins as they are stored: a file by its name when it was named so, else by its id; each file once.
    /// - Throws: NOT_FOUND for one that names no file of the workspace.
    public func checked(_ pins: [String], workspace: WorkspaceRef) async throws -> [String] {
        let found = try await store.read(pins, workspace: workspace.key, characters: 0)
        var (out, seen) = ([String](), Set<ResourceID>())
        for (pin, resource) in zip(pins, found) {
            guard let record = resource?.record else {
                throw AgentOSError(.notFound, "No resource \(pin.prefix(200)).")
            }
            guard seen.insert(record.id).inserted else { continue }
            out.append(pin == record.filename ? pin : "\(record.id)")
        }
        return out
    }
}
