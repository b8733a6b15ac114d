import AgentOSCore

/// `current_time`: the server's clock, in UTC.
struct CurrentTimeTool: Tool {
    let clock: WallClock

    let definition = ToolDefinition(
        name: "current_time", description: "Returns the current date and time in UTC.",
        inputSchema: ["type": "object", "properties": [:]])

    let writes = false

    func call(_ arguments: JSONObject, _ context: ToolContext) async throws -> String {
        let object: JSONObject = ["utc": .time(clock.now())]
        return JSONValue.object(object).text
    }
}
