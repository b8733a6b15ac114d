import AgentOSCore

/// The tool that a model gives its final answer with when that must satisfy a schema.
struct AnthropicOutputTool: Sendable {
    /// Not the name of any tool of the request.
    let name: String
    private let schema: OutputSchema

    /// - Returns: nil when the answer may be any text.
    init?(for request: ModelRequest) {
        guard let output = request.outputSchema else { return nil }
        schema = OutputSchema(output)
        let taken = Set(request.tools.map(\.name))
        var name = "final_output"
        var number = 2
        while taken.contains(name) {
            name = "final_output_\(number)"
            number += 1
        }
        self.name = name
    }

    var definition: ToolDefinition {
        ToolDefinition(name: name, description: "Give your final answer with this tool.", inputSchema: schema.root)
    }

    /// Beside other tools any may be chosen, so that the model can use those first.
    func choice(besideOthers: Bool) -> JSONValue {
        besideOthers ? ["type": "any"] : ["type": "tool", "name": .string(name)]
    }

    /// The answer as JSON; input that is none, as when the limit of tokens cut it off, as it came.
    func text(of input: JSONValue) -> String { input.stringValue ?? schema.unwrapped(input).text }
}
