/// One step into a JSON value.
enum SchemaPathPart: Sendable {
    case member(String)
    case index(Int)
}

enum SchemaPath {
    /// The longest part of a member's name that is shown.
    private static let longestName = 64

    /// Renders `items[2].name`. Names with unusual characters stand quoted in brackets: `labels["a.b"]`.
    static func text(_ parts: some Sequence<SchemaPathPart>) -> String {
        var text = ""
        for part in parts {
            switch part {
            case .index(let index): text += "[\(index)]"
            case .member(let name) where isPlain(name): text += text.isEmpty ? name : "." + name
            case .member(let name): text += "[\(JSONValue.string(shortened(name)).text)]"
            }
        }
        return text
    }

    private static func isPlain(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= longestName else { return false }
        return name.unicodeScalars.allSatisfy { scalar in
            scalar == "_" || scalar == "-" || scalar == "$" || scalar.properties.isAlphabetic
                || scalar.properties.numericType == .decimal
        }
    }

    private static func shortened(_ name: String) -> String {
        name.unicodeScalars.count <= longestName ? name : String(name.prefix(longestName)) + "…"
    }
}
