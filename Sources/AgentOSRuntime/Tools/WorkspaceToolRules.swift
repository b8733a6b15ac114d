import AgentOSCore
import AgentOSOutbound

/// What a workspace's HTTP tool may be called and sent with, checked before it is stored.
public enum WorkspaceToolRules {
    /// Belong to tools of other kinds.
    private static let foreignPrefixes = ["mcp_", "composio_"]
    private static let headerBound = 50
    private static let headerLength = 4000

    /// - Throws: VALIDATION_ERROR
    public static func check(name: String, shelf: ToolShelf) throws {
        let bytes = Array(name.utf8)
        let isLetter: (UInt8) -> Bool = { (0x41...0x5a).contains($0 & 0xdf) && $0 < 0x80 }
        guard let first = bytes.first, isLetter(first), bytes.count <= 64,
            bytes.allSatisfy({ isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5f || $0 == 0x2d })
        else {
            throw AgentOSError.invalid(
                "name", "must be up to 64 letters, digits, hyphens and underscores, the first one a letter")
        }
        guard shelf[name] == nil else { throw AgentOSError.invalid("name", "is the name of a built-in tool") }
        if let prefix = foreignPrefixes.first(where: { bytes.starts(with: $0.utf8) }) {
            throw AgentOSError.invalid("name", "must not begin with \(prefix)")
        }
    }

    /// - Throws: VALIDATION_ERROR
    public static func template(url: String) throws -> URLTemplate {
        do {
            return try URLTemplate(url)
        } catch {
            throw AgentOSError.invalid("url", error.message)
        }
    }

    /// - Throws: VALIDATION_ERROR naming the header.
    public static func headers(_ object: JSONObject, hasSecret: Bool) throws -> [(name: String, value: String)] {
        guard object.count <= headerBound else {
            throw AgentOSError.invalid("headers", "must be at most \(headerBound)")
        }
        var seen = Set<String>()
        return try object.members.map { name, value in
            let path = "headers.\(name.prefix(80))"
            guard let text = value.stringValue else {
                throw AgentOSError.invalid(path, "must be a string, not \(value.kindName)")
            }
            guard text.utf8.count <= headerLength else {
                throw AgentOSError.invalid(path, "must be at most \(headerLength) bytes long")
            }
            do {
                try OutboundRequest(url: "", headers: [(name, text)]).check()
            } catch let error as OutboundError {
                throw AgentOSError.invalid(path, "cannot be sent: " + error.message)
            }
            let lower = name.lowercased()
            guard seen.insert(lower).inserted else { throw AgentOSError.invalid(path, "is given more than once") }
            if lower == "idempotency-key" {
                throw AgentOSError.invalid(path, "cannot be set: every call is sent with a key of its own")
            }
            if lower == "authorization", hasSecret {
                throw AgentOSError.invalid(path, "cannot be set beside auth_secret, which is sent in it")
            }
            return (name, text)
        }
    }
}
