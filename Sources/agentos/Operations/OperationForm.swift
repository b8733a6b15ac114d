import AgentOSClient
import Foundation

/// What an operation takes, as the server describes it, and how words of a command line become that.
struct OperationForm {
    struct Field {
        let name: String
        let kinds: Set<String>
        let choices: [String]
        let help: String
        let isRequired: Bool

        var flag: String { "--" + name.split(separator: "_").joined(separator: "-") }
    }

    let operation: String
    let summary: String
    let fields: [Field]

    /// - Parameter document: the server's OpenAPI description.
    /// - Throws: `CommandFailure` when the server does not know the operation.
    init(_ operation: String, in document: JSONValue) throws {
        guard let post = document["paths"]?["/api/v1/rpc/\(operation)"]?["post"] else {
            throw CommandFailure("This server has no \(operation); it is of another version than this command.")
        }
        self.operation = operation
        summary = post["summary"]?.stringValue ?? ""
        let schema = post["requestBody"]?["content"]?["application/json"]?["schema"]
        let required = (schema?["required"]?.arrayValue ?? []).compactMap(\.stringValue)
        let members = schema?["properties"]?.objectValue?.members ?? []
        let known = members.filter { $0.key != "workspace" }.map { name, schema in
            Field(
                name: name,
                kinds: Set(
                    schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? [schema["type"]?.stringValue ?? ""]),
                choices: schema["enum"]?.arrayValue?.compactMap(\.stringValue) ?? [],
                help: schema["description"]?.stringValue ?? "", isRequired: required.contains(name))
        }
        // In the order in which they are required.
        fields = required.compactMap { name in known.first { $0.name == name } } + known.filter { !$0.isRequired }
    }

    /// What may be given without its name, in order: what is required; where nothing is, the first parameter if it is a
    /// text, as the words of a search.
    private var words: [Field] {
        let required = fields.filter(\.isRequired)
        guard required.isEmpty, let first = fields.first, first.kinds.contains("string"), first.choices.isEmpty else {
            return required
        }
        return [first]
    }

    /// - Parameter agent: finds the id of an agent that is given by its name.
    /// - Throws: `CommandFailure` naming the word that does not fit.
    func parameters(_ given: ArraySlice<String>, agent: (String) async throws -> String) async throws -> JSONObject {
        var rest = given
        var (given, plain): ([(Field, String)], [String]) = ([], [])
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), word.count > 2 else {
                plain.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard let field = fields.first(where: { $0.flag == parts[0] }) else {
                let known = fields.map(\.flag).joined(separator: ", ")
                throw CommandFailure(
                    "\(parts[0]) is not known here; \(known.isEmpty ? "nothing is" : "there is \(known)").", .usage)
            }
            if parts.count > 1 {
                given.append((field, parts[1]))
            } else if field.kinds.contains("boolean"), !["true", "false", "null"].contains(rest.first) {
                given.append((field, "true"))
            } else if let value = rest.popFirst() {
                given.append((field, value))
            } else {
                throw CommandFailure("\(parts[0]) needs a value.", .usage)
            }
        }
        let named = Set(given.map(\.0.name))
        let open = words.filter { !named.contains($0.name) }
        guard plain.count <= open.count else {
            let known = fields.map { $0.isRequired ? $0.name.uppercased() : $0.flag }.joined(separator: ", ")
            let taken = known.isEmpty ? "nothing is taken" : "there is \(known)"
            throw CommandFailure("\(plain[open.count]) is one word too many; \(taken).", .usage)
        }
        if let missing = open.dropFirst(plain.count).first, missing.isRequired {
            throw CommandFailure("\(missing.name) is missing: \(missing.help)", .usage)
        }
        var out = JSONObject()
        for (field, text) in given + zip(open, plain) {
            out[field.name] =
                field.name == "agent_id" && text != "null"
                ? .string(try await agent(text)) : try Self.value(text, field)
        }
        return out
    }

    private static func value(_ given: String, _ field: Field) throws -> JSONValue {
        let text = try Input.textOrFile(given)
        if text == "null", field.kinds.contains("null") { return .null }
        if field.kinds.contains("string") {
            guard field.choices.isEmpty || field.choices.contains(text) else {
                throw CommandFailure("\(field.flag) is one of: \(field.choices.joined(separator: ", ")).", .usage)
            }
            return .string(text)
        }
        if !field.kinds.isDisjoint(with: ["integer", "number"]) {
            // As JSON spells it: without a sign in front, but for a minus, and with a digit before the point.
            guard let number = try? JSONParser.parse(text), number.doubleValue != nil else {
                throw CommandFailure("\(field.flag) needs a number, as 5 or 0.5, not \(text).", .usage)
            }
            return number
        }
        if field.kinds.contains("boolean") {
            guard let flag = Bool(text) else {
                throw CommandFailure("\(field.flag) is true or false, not \(text).", .usage)
            }
            return .bool(flag)
        }
        if field.kinds.contains("array"), !text.hasPrefix("[") {
            return .array(text.split(separator: ",").map { .string($0.trimmingCharacters(in: .whitespaces)) })
        }
        do {
            return try JSONParser.parse(text)
        } catch let error as JSONParseError {
            throw CommandFailure("\(field.flag) is not JSON: \(error.problem) (at byte \(error.offset)).", .usage)
        }
    }

    func print(as command: String) {
        let plain = words.map { $0.isRequired ? " \($0.name.uppercased())" : " [\($0.name.uppercased())]" }.joined()
        Output.line("\(command)\(plain)\(fields.contains { !$0.isRequired } ? " [--…]" : "")\n\(summary)\n")
        var table = Table("PARAMETER", "TYPE", "")
        for field in fields {
            let kinds = field.choices.isEmpty ? field.kinds.sorted() : field.choices
            table.add(
                field.isRequired ? field.name.uppercased() : field.flag, kinds.joined(separator: "|"), field.help)
        }
        table.print(whenEmpty: "It takes nothing.")
    }
}
