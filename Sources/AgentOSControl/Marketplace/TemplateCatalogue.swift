import AgentOSCore
import Foundation
import Yams

/// An agent to start from.
public struct AgentTemplate: Sendable {
    public let id: String
    public let name: String
    public let description: String
    public let category: String
    public let model: String
    public let tools: [String]
    public let systemPrompt: String
    public let promptVariables: JSONObject
    public let inputSchema: JSONValue?
    public let setupNotes: [String]
}

/// The templates that come with the server, and those of the operator's folder.
public struct TemplateCatalogue: Sendable {
    /// What is wrong with a template.
    public struct Invalid: Error, Sendable {
        public let message: String
    }

    public let templates: [AgentTemplate]

    /// - Parameter folder: YAML files with one template or a list of them each; a template of a known id replaces it.
    /// - Throws: `Invalid` naming the file and the member.
    public init(folder: String? = nil) throws {
        var byID: [String: AgentTemplate] = [:]
        var order: [String] = []
        func add(_ templates: [AgentTemplate]) {
            for template in templates {
                if byID[template.id] == nil { order.append(template.id) }
                byID[template.id] = template
            }
        }
        add(try Self.read(String(decoding: PackageResources.templates_yaml, as: UTF8.self), "the built-in templates"))
        if let folder {
            guard let files = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
                throw Invalid(message: "cannot read the folder \(folder)")
            }
            for file in files.sorted() where file.hasSuffix(".yaml") || file.hasSuffix(".yml") {
                guard let bytes = FileManager.default.contents(atPath: folder + "/" + file), bytes.count <= 1 << 20
                else {
                    throw Invalid(message: "cannot read \(file), or it is larger than 1 MiB")
                }
                add(try Self.read(String(decoding: bytes, as: UTF8.self), file))
            }
        }
        templates = order.compactMap { byID[$0] }
    }

    public subscript(_ id: String) -> AgentTemplate? { templates.first { $0.id == id } }

    private static func read(_ yaml: String, _ file: String) throws -> [AgentTemplate] {
        let node: Yams.Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw Invalid(message: "\(file) is not valid YAML")
        }
        guard let node else { return [] }
        return try (node.sequence.map { Array($0) } ?? [node]).map { try template($0, file) }
    }

    private static func template(_ node: Yams.Node, _ file: String) throws -> AgentTemplate {
        func text(_ name: String) throws -> String {
            guard let text = node[name]?.string, !text.isEmpty else {
                throw Invalid(message: "\(file): \(name) is required in every template")
            }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        func list(_ name: String) -> [String] { node[name]?.sequence?.compactMap(\.string) ?? [] }
        let id = try text("id")
        guard id.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }) else {
            throw Invalid(message: "\(file): the id \(id) must be lower-case letters, digits and hyphens")
        }
        let schema = try node["input_schema"].map { try json($0) }
        if let schema {
            do {
                _ = try JSONSchema(schema)
            } catch let error as JSONSchema.Invalid {
                throw Invalid(message: "\(file): input_schema of \(id): \(error.message)")
            }
        }
        return AgentTemplate(
            id: id, name: try text("name"), description: try text("description"), category: try text("category"),
            model: try text("model"), tools: list("tools"), systemPrompt: try text("system_prompt"),
            promptVariables: try node["prompt_variables"].map { try json($0) }?.objectValue ?? JSONObject(),
            inputSchema: schema, setupNotes: list("setup_notes"))
    }

    private static func json(_ node: Yams.Node) throws -> JSONValue {
        if let mapping = node.mapping {
            var object = JSONObject()
            for (key, value) in mapping { object[key.string ?? ""] = try json(value) }
            return .object(object)
        }
        if let sequence = node.sequence { return .array(try sequence.map(json)) }
        if let flag = node.bool { return .bool(flag) }
        if let number = node.int { return .int(number) }
        if let number = node.float { return .double(number) }
        return .string(node.string ?? "")
    }
}
