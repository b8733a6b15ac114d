/// Names of MCP tools as agents use them and model providers accept them: `[A-Za-z0-9_-]`, 64 characters at most, each
/// once in a workspace.
public enum MCPToolNames {
    public static let prefix = "mcp_"
    private static let bound = 64

    /// What a tool is called when no other is called so and the bound allows it.
    public static func plain(_ tool: String, of server: String) -> String {
        prefix + clean(server) + "_" + clean(tool)
    }

    /// Gives tools that have plain names the ones that are theirs. A name that agents may know never goes over to
    /// another tool while its own is there.
    /// - Parameters:
    ///   - known: the tools that the server listed last; they keep their names, in whatever order they come now.
    ///   - older: names of servers that were there before this one.
    ///   - others: names of all other servers; a tool that is new here gets none of them.
    static func named(
        _ tools: [MCPToolRecord], known: [MCPToolRecord], older: Set<String>, others: Set<String>
    ) -> [MCPToolRecord] {
        let former = Dictionary(known.map { ($0.name, $0.agentName) }, uniquingKeysWith: { first, _ in first })
        var tools = tools
        var taken = older
        var new: [Int] = []
        for index in tools.indices {
            if let name = former[tools[index].name], taken.insert(name).inserted {
                tools[index].agentName = name
            } else {
                new.append(index)
            }
        }
        taken.formUnion(others)
        for index in new { tools[index].agentName = free(tools[index].agentName, &taken) }
        return tools
    }

    private static func free(_ plain: String, _ taken: inout Set<String>) -> String {
        if plain.utf8.count <= bound, taken.insert(plain).inserted { return plain }
        var number = 1
        while true {
            let mark = "_\(number)"
            let name = String(plain.prefix(bound - mark.utf8.count)) + mark
            if taken.insert(name).inserted { return name }
            number += 1
        }
    }

    private static func clean(_ text: String) -> String {
        String(
            text.unicodeScalars.map { scalar -> Character in
                let isPlain =
                    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(Character(scalar)))
                return isPlain || scalar == "-" || scalar == "_" ? Character(scalar) : "_"
            })
    }
}
