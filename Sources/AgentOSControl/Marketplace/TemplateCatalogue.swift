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
    /// Tools whose calls wait for a person's yes.
    public let approvalTools: [String]
    public let systemPrompt: String
    public let promptVariables: JSONObject
    public let inputSchema: JSONValue?
    public let outputSchema: JSONValue?
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
        let value: JSONValue
        do {
            value = try JSONValue(yaml: node)
        } catch let error as NotJSON {
            throw Invalid(message: "\(file): \(error.problem)")
        }
        // A file with nothing but comments.
        if value.isNull { return [] }
        return try (value.arrayValue ?? [value]).map { try TemplateReader($0, file: file).template() }
    }
}
