import AgentOSClient
import ArgumentParser
import Foundation

/// How a command finds its server and its key.
struct ServerOptions: ParsableArguments {
    @Option(help: "Where the server is. Else AGENTOS_BASE_URL, else http://127.0.0.1:8080.")
    var url: String?

    @Option(help: "The API key. Else AGENTOS_API_KEY, else the workspace key in the data folder's credentials.json.")
    var key: String?

    @Option(help: "The workspace's slug or id, for a personal key. Else AGENTOS_WORKSPACE.")
    var workspace: String?

    @Option(help: "The data folder of a server on this machine. Else AGENTOS_DATA, else ./agentos-data.")
    var data: String?

    private static let leading: Set = ["--url", "--key", "--workspace", "--data"]

    /// Puts these options behind the command where they stand before it, as in `agentos --url URL --key KEY runs list`:
    /// the parser knows them only there.
    static func behind(_ arguments: [String]) -> [String] {
        var rest = arguments[...]
        var options: [String] = []
        while let option = rest.first, leading.contains(String(option.prefix { $0 != "=" })) {
            options.append(rest.removeFirst())
            if !option.contains("="), let value = rest.popFirst() { options.append(value) }
        }
        guard !rest.isEmpty else { return arguments }
        rest.insert(contentsOf: options, at: rest.firstIndex(of: "--") ?? rest.endIndex)
        return Array(rest)
    }

    func client() throws -> AgentOSClient {
        let url = url ?? Environment["AGENTOS_BASE_URL"] ?? "http://127.0.0.1:\(Environment["AGENTOS_PORT"] ?? "8080")"
        let workspace = workspace ?? Environment["AGENTOS_WORKSPACE"]
        guard let key = try key ?? Environment["AGENTOS_API_KEY"] ?? keyOfDataFolder(for: url) else {
            throw CommandFailure(
                "No API key: give --key or AGENTOS_API_KEY, or --data with the folder of a server on this machine.",
                .notAuthorised)
        }
        return try AgentOSClient(baseURL: url, apiKey: key, workspace: workspace)
    }

    /// The workspace key that `init` or `serve` left in the data folder. Unless the folder was named on purpose, the
    /// key goes to this machine only: a server elsewhere must not be handed the key of this one.
    /// - Throws: `CommandFailure` for a file that is there and may not be read.
    private func keyOfDataFolder(for url: String) throws -> String? {
        guard data != nil || Self.isLocal(url) else { return nil }
        let folder = data ?? Environment["AGENTOS_DATA"] ?? "./agentos-data"
        let file = folder + "/credentials.json"
        guard let content = FileManager.default.contents(atPath: file) else {
            guard access(file, R_OK) == 0 || errno == ENOENT || errno == ENOTDIR else {
                throw CommandFailure("Cannot read \(file): \(String(cString: strerror(errno))).")
            }
            return nil
        }
        return (try? JSONParser.parse(Array(content)))?["workspace_key"]?.stringValue
    }

    static func isLocal(_ url: String) -> Bool {
        guard let host = URLComponents(string: url)?.host?.lowercased() else { return false }
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        if bare == "localhost" || bare == "::1" { return true }
        let parts = bare.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

/// The process's environment; an empty variable counts as none.
enum Environment {
    static subscript(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// Where an argument may be text itself or `-` for the standard input.
enum Input {
    static func text(_ argument: String) throws -> String {
        guard argument == "-" else { return argument }
        return String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
    }

    /// The text of an argument, or of the file it names after an `@`.
    static func textOrFile(_ argument: String) throws -> String {
        argument.hasPrefix("@") ? try file(String(argument.dropFirst())) : argument
    }

    /// A file that has to be text.
    static func file(_ path: String) throws -> String {
        guard let content = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("Cannot read \(path).")
        }
        guard let text = String(bytes: content, encoding: .utf8) else {
            throw CommandFailure("\(path) is not UTF-8 text.")
        }
        return text
    }

    /// Parses an argument that has to be a JSON object.
    static func object(_ argument: String, named name: String) throws -> JSONObject {
        do {
            guard let object = try JSONParser.parse(try text(argument)).objectValue else {
                throw CommandFailure("\(name): a JSON object is due.", .usage)
            }
            return object
        } catch let error as JSONParseError {
            throw CommandFailure("\(name): not JSON: \(error.problem) (at byte \(error.offset)).", .usage)
        }
    }
}
