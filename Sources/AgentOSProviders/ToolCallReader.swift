import AgentOSCore

/// Makes tool calls out of what a model sent, however loosely it keeps to the format.
struct ToolCallReader {
    private var seen: Set<String> = []

    /// A call with an id that is not empty and that no other call of the reply has.
    ///
    /// Arguments that are no JSON are kept as a string, which the runtime refuses with a word to the model.
    mutating func call(id: String?, name: String, arguments: String, now: Timestamp) -> ToolCall {
        let empty = arguments.utf8.allSatisfy { $0 == 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 }
        let parsed: JSONValue = empty ? [:] : (try? JSONParser.parse(arguments)) ?? .string(arguments)
        return call(id: id, name: name, parsed: parsed, now: now)
    }

    mutating func call(id: String?, name: String, parsed: JSONValue, now: Timestamp) -> ToolCall {
        var unique = id ?? ""
        if unique.isEmpty || seen.contains(unique) {
            unique = "call_" + UUIDBits.v7(at: now).text.filter { $0 != "-" }
        }
        seen.insert(unique)
        return ToolCall(id: unique, name: name, arguments: parsed)
    }
}

extension ToolCall {
    /// The arguments as an object, as providers want to have them back: what the model sent in another form is shown
    /// to it inside one.
    var argumentsObject: JSONValue {
        arguments.objectValue == nil ? ["invalid_arguments": arguments] : arguments
    }
}

extension String {
    var isBlank: Bool { unicodeScalars.allSatisfy { $0.properties.isWhitespace } }
}
