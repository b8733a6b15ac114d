import AgentOSCore
import Foundation

/// Reads one template. Every member has to be known and of its kind, so that no setting is lost without a word.
struct TemplateReader {
    private static let known = [
        "id", "name", "description", "category", "model", "tools", "approval_tools", "system_prompt",
        "prompt_variables", "input_schema", "output_schema", "setup_notes",
    ]

    private let file: String
    private let members: JSONObject

    /// - Throws: `TemplateCatalogue.Invalid` naming the file and the member.
    init(_ value: JSONValue, file: String) throws {
        guard let members = value.objectValue else {
            throw TemplateCatalogue.Invalid(message: "\(file): a template must be a mapping, not \(value.kindName)")
        }
        self.file = file
        self.members = members
        for name in members.keys where !Self.known.contains(name) {
            throw failure(name, "is unknown; a template has \(Self.known.joined(separator: ", "))")
        }
    }

    func template() throws -> AgentTemplate {
        let id = try text("id")
        guard id.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }) else {
            throw failure("id", "must be lower-case letters, digits and hyphens, not \(id)")
        }
        return AgentTemplate(
            id: id, name: try text("name"), description: try text("description"), category: try text("category"),
            model: try text("model"), tools: try list("tools"), approvalTools: try list("approval_tools"),
            systemPrompt: try text("system_prompt"), promptVariables: try variables(),
            inputSchema: try schema("input_schema"), outputSchema: try schema("output_schema"),
            setupNotes: try list("setup_notes"))
    }

    private func failure(_ member: String, _ problem: String) -> TemplateCatalogue.Invalid {
        TemplateCatalogue.Invalid(message: "\(file): \(member.prefix(80)) \(problem)")
    }

    /// The value; nil when it is absent or null.
    private func value(_ name: String) -> JSONValue? { members[name].flatMap { $0.isNull ? nil : $0 } }

    private func text(_ name: String) throws -> String {
        guard let value = value(name) else { throw failure(name, "is required in every template") }
        guard let text = value.stringValue else { throw failure(name, "must be a text, not \(value.kindName)") }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !trimmed.isEmpty else { throw failure(name, "is required in every template") }
        return trimmed
    }

    private func list(_ name: String) throws -> [String] {
        guard let value = value(name) else { return [] }
        guard let items = value.arrayValue else { throw failure(name, "must be a list, not \(value.kindName)") }
        return try items.enumerated().map { position, item in
            guard let text = item.stringValue else {
                throw failure("\(name)[\(position)]", "must be a text, not \(item.kindName)")
            }
            return text
        }
    }

    private func object(_ name: String) throws -> JSONObject? {
        guard let value = value(name) else { return nil }
        guard let object = value.objectValue else { throw failure(name, "must be a mapping, not \(value.kindName)") }
        return object
    }

    private func variables() throws -> JSONObject {
        do {
            return try AgentFields.variables(try object("prompt_variables") ?? JSONObject())
        } catch let error as AgentOSError {
            throw TemplateCatalogue.Invalid(message: "\(file): \(error.message)")
        }
    }

    private func schema(_ name: String) throws -> JSONValue? {
        guard let object = try object(name), !object.isEmpty else { return nil }
        do {
            _ = try JSONSchema(.object(object))
        } catch let error as JSONSchema.Invalid {
            throw failure(error.path.isEmpty ? name : "\(name).\(error.path)", error.message)
        }
        return .object(object)
    }
}
