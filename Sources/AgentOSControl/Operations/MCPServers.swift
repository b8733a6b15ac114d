import AgentOSCore
import AgentOSMCP
import AgentOSStore

extension Operation {
    static func mcpServers(_ services: ControlServices) -> [Operation] {
        [createServer(services), listServers(services), refreshServer(services), deleteServer(services)]
    }

    private static let serverID = Parameter.required("mcp_server_id", .uuid, "The MCP server.")

    private static func createServer(_ services: ControlServices) -> Operation {
        Operation(
            "mcp_servers_create", "Connects an MCP server; its tools can be given to agents of the workspace.",
            [
                .required("name", .string(1...40), "Its name, part of its tools' names: letters, digits, - and _."),
                .required("url", .string(1...2000), "Its endpoint for Streamable HTTP."),
                .optional("auth_secret", .string(1...2000), "Stored encrypted, sent as bearer token.").secret,
            ], access: .role(.admin),
            returns: .object([
                ("ok", .boolean), ("mcp_server_id", .uuid), ("id", .uuid), ("name", .string),
                ("tools", .array(.string)),
            ])
        ) { call in
            let name = try call.parameters.requiredString("name")
            guard name.utf8.first.map(Self.isLetter) == true,
                name.utf8.allSatisfy({ isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x5f })
            else {
                throw AgentOSError.invalid("name", "must begin with a letter and hold only letters, digits, - and _")
            }
            let secret = call.parameters.string("auth_secret")
            guard secret?.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7f }) != false else {
                throw AgentOSError.invalid("auth_secret", "must be printable ASCII without blanks")
            }
            let url = try call.parameters.requiredString("url")
            do {
                try await services.checkURL(url, "url")
            } catch let error as AgentOSError where error.code == .validation {
                throw AgentOSError.invalid("url", error.details.first?.message ?? error.message)
            }
            let tools: [MCPToolRecord]
            do {
                tools = try await services.mcpTools.discover(name: name, url: url, secret: secret)
            } catch let error as MCPError {
                throw AgentOSError.invalid("url", "the server's tools cannot be listed. \(error.message)")
            }
            let (id, named) = try await services.mcpServers.create(
                call.workspace.ref, name: name, url: url, secret: secret, tools: tools)
            return OperationResult([
                "ok": true, "mcp_server_id": .string("\(id)"), "id": .string("\(id)"), "name": .string(name),
                "tools": .array(named.map { .string($0.agentName) }),
            ])
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) }

    private static func listServers(_ services: ControlServices) -> Operation {
        Operation(
            "mcp_servers_list", "Lists the workspace's MCP servers by name, with their tools; never their secrets.",
            [.limit(1...1000, default: 1000), .cursor], readOnly: true, access: .role(.viewer),
            returns: .array(.mcpServer)
        ) { call in
            let servers = try await services.mcpServers.list(workspace: call.workspaceKey)
            return .page(try Page(of: servers, call.page(1000)) { ListPlace(.text($0.name)) }, view)
        }
    }

    private static func view(_ server: MCPServerRecord) -> JSONValue {
        [
            "id": .string("\(server.id)"), "name": .string(server.name), "url": .string(server.url),
            "has_auth": .bool(server.hasAuth),
            "tools": .array(
                server.tools.map { tool in
                    [
                        "name": .string(tool.agentName), "tool": .string(tool.name),
                        "description": .string(tool.description), "read_only": .bool(tool.isReadOnly),
                        "idempotent": .bool(tool.isIdempotent),
                    ]
                }), "last_error": .optional(server.lastError), "refreshed_at": .time(server.refreshedAt),
            "created_at": .time(server.createdAt),
        ]
    }

    private static func refreshServer(_ services: ControlServices) -> Operation {
        Operation(
            "mcp_servers_refresh", "Asks an MCP server for its tools now.", [serverID], access: .role(.admin),
            returns: .mcpServer
        ) { call in
            let id: MCPServerID = try call.parameters.id("mcp_server_id")
            let server = try await services.mcpServers.server(id, workspace: call.workspaceKey)
            do {
                try await services.mcpTools.refresh(server, workspace: call.workspaceKey)
            } catch let error as MCPError {
                throw AgentOSError(.conflict, "The MCP server \(server.name) did not list its tools. \(error.message)")
            }
            return OperationResult(view(try await services.mcpServers.server(id, workspace: call.workspaceKey)))
        }
    }

    private static func deleteServer(_ services: ControlServices) -> Operation {
        Operation(
            "mcp_servers_delete", "Removes an MCP server; agents lose its tools with their next run.", [serverID],
            access: .role(.admin), returns: .object([("ok", .boolean), ("mcp_server_id", .uuid)])
        ) { call in
            let id: MCPServerID = try call.parameters.id("mcp_server_id")
            try await services.mcpServers.delete(id, workspace: call.workspaceKey)
            await services.mcpTools.forget(id)
            return OperationResult(["ok": true, "mcp_server_id": .string("\(id)")])
        }
    }
}
