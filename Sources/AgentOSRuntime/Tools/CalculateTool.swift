import AgentOSCore

/// `calculate`: arithmetic that a model would otherwise guess.
struct CalculateTool: Tool {
    let definition = ToolDefinition(
        name: "calculate",
        description: "Works out an arithmetic expression, such as round(1299.5 * 12 / 7, 2).",
        inputSchema: [
            "type": "object",
            "properties": ["expression": ["type": "string", "description": "The expression."]],
            "required": ["expression"],
        ])

    let writes = false

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let expression = try Arguments(arguments).string("expression")
        let value: Double
        do {
            value = try Arithmetic.evaluate(expression)
        } catch let error as Arithmetic.Failure {
            throw ToolFailure(error.message)
        }
        let result: JSONObject = ["expression": .string(expression), "result": .number(Arithmetic.text(value))]
        return JSONValue.object(result).text
    }
}
