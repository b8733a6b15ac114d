import AgentOSCore

/// A member in which the server differs from a manifest: what it is there, and what it is to become.
struct ManifestChange {
    /// Stands for what is never shown.
    static let hidden: JSONValue = "[hidden]"
    private static let shownLength = 160

    let member: String
    let before: JSONValue
    let after: JSONValue

    init(_ member: String, from before: JSONValue?, to after: JSONValue?) {
        self.member = member
        self.before = before ?? .null
        self.after = after ?? .null
    }

    /// The members of something that is not there yet.
    static func all(of parameters: JSONObject) -> [ManifestChange] {
        parameters.members.map { name, value in
            switch name {
            case "auth_secret": ManifestChange(name, from: nil, to: hidden)
            case "headers": ManifestChange(name, from: nil, to: names(value.objectValue?.keys ?? []))
            default: ManifestChange(name, from: nil, to: value)
            }
        }
    }

    /// Headers by their names; values can be secrets.
    static func names(_ names: some Sequence<String>) -> JSONValue { .array(names.sorted().map { .string($0) }) }

    var line: String { Output.printable("    \(member): \(Self.shown(before)) -> \(Self.shown(after))") }

    var json: JSONValue { ["member": .string(member), "before": before, "after": after] }

    private static func shown(_ value: JSONValue) -> String {
        let text = value.isNull ? "none" : value.text
        return text.count > shownLength ? String(text.prefix(shownLength)) + "…" : text
    }
}
