import AgentOSCore
import AgentOSStore

/// The control plane for assistants: MCP without a transport, one JSON-RPC message in, at most one out. Keeps no session.
public struct MCPServer: Sendable {
    /// An answer and how it went.
    public struct Answer: Sendable {
        public let body: [UInt8]
        /// False when the message itself could not be read.
        public let isReadable: Bool
    }

    /// Levels around a value in a message: the message, its `params`, their `arguments`.
    private static let envelopeDepth = 3

    static let versions = ["2025-06-18", "2025-03-26", "2024-11-05"]

    let registry: OperationRegistry
    private let tools: [UInt8]
    /// Origins that browsers may call from, besides this machine's own.
    private let origin: String

    public init(registry: OperationRegistry, publicURL: String) {
        self.registry = registry
        tools = JSONValue.array(registry.operations.filter(MCPTools.isOffered).map(MCPTools.describe)).encoded
        origin = Self.origin(of: publicURL)
    }

    // MARK: - Origins

    /// Whether a browser's page may call: only pages of this server or of this machine, so that no foreign page can use
    /// a key it got hold of through name tricks.
    public func allows(origin given: String?) -> Bool {
        guard let given else { return true }
        let lower = Self.origin(of: given)
        if lower == origin { return true }
        let host = lower.split(separator: "/").last.map(String.init) ?? ""
        let bare = host.hasPrefix("[") ? String(host.prefix { $0 != "]" }) + "]" : String(host.prefix { $0 != ":" })
        return ["localhost", "127.0.0.1", "[::1]"].contains(bare)
    }

    /// `scheme://host:port` in lower case.
    private static func origin(of url: String) -> String {
        let parts = url.lowercased().split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.prefix(3).joined(separator: "/")
    }

    /// Whether the version that a request names in its header is one that is spoken here.
    public func speaks(version: String?) -> Bool { version.map { Self.versions.contains($0) } ?? true }

    // MARK: - Messages

    /// Answers one message; nil for a notification.
    /// - Parameter workspace: slug or id of the one that is meant where a call names none.
    public func answer(
        _ message: [UInt8], by principal: Principal, workspace: String? = nil
    ) async -> Answer? {
        guard let value = try? JSONParser.parse(message, depth: JSONParser.maximumDepth + Self.envelopeDepth) else {
            return Self.failure(.null, -32700, "The message is not JSON.", isReadable: false)
        }
        guard let object = value.objectValue, object["jsonrpc"]?.stringValue == "2.0" else {
            return Self.failure(.null, -32600, "The message must be one JSON-RPC 2.0 object.", isReadable: false)
        }
        guard let method = object["method"]?.stringValue else {
            // An answer to something this server never asked.
            if object["result"] != nil || object["error"] != nil { return nil }
            return Self.failure(object["id"] ?? .null, -32600, "method is required.", isReadable: false)
        }
        guard let id = object["id"] else { return nil }
        guard id.stringValue != nil || id.doubleValue != nil else {
            return Self.failure(.null, -32600, "id must be a string or a number.", isReadable: false)
        }
        if let params = object["params"], params.objectValue == nil {
            return Self.failure(id, -32602, "params must be an object.")
        }
        let params = object["params"]?.objectValue ?? JSONObject()
        do {
            return Self.success(id, try await result(of: method, params, by: principal, in: workspace))
        } catch let error as RPCError {
            return Self.failure(id, error.code, error.message)
        } catch let error as AgentOSError {
            return Self.failure(id, Self.code(of: error), error.message)
        } catch {
            return Self.failure(id, -32603, "Something went wrong in the server.")
        }
    }

    /// JSON-RPC's number for what an operation refused.
    private static func code(of error: AgentOSError) -> Int {
        switch error.code {
        case .notFound: -32002
        case .validation: -32602
        default: -32603
        }
    }

    /// The result as JSON.
    private func result(
        of method: String, _ params: JSONObject, by principal: Principal, in workspace: String?
    ) async throws -> [UInt8] {
        switch method {
        case "initialize": return initialize(params).encoded
        case "ping": return Array("{}".utf8)
        case "tools/list":
            var out = JSONWriter(capacity: tools.count + 16)
            out.raw("{\"tools\":")
            out.raw(tools)
            out.raw("}")
            return out.bytes
        case "tools/call": return try await call(params, by: principal, in: workspace)
        case "resources/list": return try await resources(params, by: principal).encoded
        case "resources/templates/list": return MCPResources.templates.encoded
        case "resources/read": return try await read(params, by: principal, in: workspace).encoded
        case "prompts/list": return MCPPrompts.list.encoded
        case "prompts/get": return try MCPPrompts.get(params, in: workspace).encoded
        default: throw RPCError(code: -32601, message: "There is no method \(method.prefix(80)).")
        }
    }

    private func initialize(_ params: JSONObject) -> JSONValue {
        let asked = params["protocolVersion"]?.stringValue ?? ""
        return [
            "protocolVersion": .string(Self.versions.contains(asked) ? asked : Self.versions[0]),
            "capabilities": [
                "tools": ["listChanged": false], "resources": ["subscribe": false, "listChanged": false],
                "prompts": ["listChanged": false],
            ],
            "serverInfo": ["name": "agentos", "title": "AgentOS", "version": "1"],
            "instructions": .string(
                "Operates an AgentOS server: its agents, their runs and events, approvals and figures. "
                    + "With a personal key, pass the workspace's slug as `workspace`."),
        ]
    }

    private func call(
        _ params: JSONObject, by principal: Principal, in workspace: String?
    ) async throws -> [UInt8] {
        guard let name = params["name"]?.stringValue else { throw RPCError(code: -32602, message: "name is required.") }
        guard let operation = registry[name], MCPTools.isOffered(operation) else {
            throw RPCError(code: -32602, message: "There is no tool \(name.prefix(80)).")
        }
        let given = params["arguments"].flatMap { $0.isNull ? nil : $0 } ?? .object(JSONObject())
        guard let object = given.objectValue else {
            throw RPCError(code: -32602, message: "arguments must be an object.")
        }
        let arguments = object.naming(workspace)
        do {
            return MCPTools.result(try await registry.call(name, by: principal) { arguments })
        } catch let error as AgentOSError {
            return MCPTools.failure(error)
        }
    }

    private func resources(_ params: JSONObject, by principal: Principal) async throws -> JSONValue {
        let cursor = params["cursor"].flatMap { $0.isNull ? nil : $0 }
        if let cursor, cursor.stringValue == nil { throw RPCError(code: -32602, message: "cursor must be a string.") }
        return try await MCPResources.Listing(registry: registry, principal: principal).page(cursor?.stringValue)
    }

    private func read(
        _ params: JSONObject, by principal: Principal, in workspace: String?
    ) async throws -> JSONValue {
        guard let uri = params["uri"]?.stringValue else { throw RPCError(code: -32602, message: "uri is required.") }
        guard let (operation, named) = MCPResources.lookup(uri) else {
            throw RPCError(code: -32002, message: "There is no resource \(uri.prefix(200)).")
        }
        let parameters = named.naming(workspace)
        let found = try await registry.call(operation, by: principal) { parameters }
        return [
            "contents": [
                [
                    "uri": .string(uri), "mimeType": "application/json",
                    "text": .string(String(decoding: found.data, as: UTF8.self)),
                ]
            ]
        ]
    }

    // MARK: - JSON-RPC

    private static func success(_ id: JSONValue, _ result: [UInt8]) -> Answer {
        var out = JSONWriter(capacity: result.count + 64)
        out.raw("{\"jsonrpc\":\"2.0\",\"id\":")
        out.value(id)
        out.raw(",\"result\":")
        out.raw(result)
        out.raw("}")
        return Answer(body: out.bytes, isReadable: true)
    }

    private static func failure(
        _ id: JSONValue, _ code: Int, _ message: String, isReadable: Bool = true
    ) -> Answer {
        let body: JSONValue = [
            "jsonrpc": "2.0", "id": id, "error": ["code": .int(code), "message": .string(message)],
        ]
        return Answer(body: body.encoded, isReadable: isReadable)
    }
}

extension JSONObject {
    /// With the workspace that is meant unless these parameters name one.
    func naming(_ workspace: String?) -> JSONObject {
        guard let workspace, self["workspace"]?.isNull ?? true else { return self }
        var out = self
        out["workspace"] = .string(workspace)
        return out
    }
}

/// A fault of the protocol, by JSON-RPC's numbers.
struct RPCError: Error {
    let code: Int
    let message: String
}
