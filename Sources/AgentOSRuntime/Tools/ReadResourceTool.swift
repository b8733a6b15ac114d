import AgentOSCore
import AgentOSStore

/// `read_resource`: gives the content of one of the workspace's files.
public struct ReadResourceTool: Tool {
    static let contentBound = 200_000

    private let resources: ResourceStore

    public init(resources: ResourceStore) { self.resources = resources }

    public let definition = ToolDefinition(
        name: "read_resource", description: "Returns the content of a text file of this workspace.",
        inputSchema: [
            "type": "object",
            "properties": ["filename": ["type": "string", "description": "The name of the file."]],
            "required": ["filename"],
        ])

    public let writes = false

    public func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let filename = try Arguments(arguments).string("filename")
        let found = try await resources.read(
            filename, workspace: context.workspace.key, characters: Self.contentBound + 1)
        guard let (record, content) = found else {
            throw ToolFailure("There is no resource named \(filename.prefix(200)).")
        }
        let isCut = content.unicodeScalars.count > Self.contentBound
        let shown = isCut ? String(content.unicodeScalars.prefix(Self.contentBound)) : content
        var result: JSONObject = [
            "filename": .string(record.filename), "mime_type": .string(record.mimeType), "content": .string(shown),
        ]
        if isCut { result["truncated"] = true }
        return JSONValue.object(result).text
    }
}
