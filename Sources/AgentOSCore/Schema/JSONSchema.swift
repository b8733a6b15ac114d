/// A JSON Schema (draft-07), compiled once and checked often.
///
/// All keywords of draft-07 are there. `format` and what goes with content are annotations; unknown keywords and
/// `$schema` are ignored, and so is everything beside `$ref`. References stay within the document: `#`, JSON pointers,
/// `$id` and what is relative to it. Numbers are compared exactly, as decimals; strings by their code points.
///
/// Checking is bounded, whatever schema and value are: nesting by `maximumDepth`, work by `maximumSteps`. A value that
/// cannot be checked within them is not valid, and the only issue says so.
public struct JSONSchema: Sendable {
    /// How many subschemas may be applied inside one another.
    public static let maximumDepth = 1024
    /// Subschemas applied, characters matched against patterns and bytes compared, taken together, in one check.
    public static let maximumSteps = 5_000_000

    /// One thing that is wrong with a value.
    public struct Issue: Sendable, Hashable {
        /// Where it is, e.g. `items[2].name`; empty for the value itself. A missing member is named as if it were
        /// there.
        public let path: String
        /// What is wrong, without the value, e.g. `must be an integer, not a string`.
        public let message: String

        public init(path: String, message: String) {
            self.path = path
            self.message = message
        }
    }

    /// Why a schema is no valid draft-07 schema, or one that cannot be used here.
    public struct Invalid: Error, Sendable, Hashable {
        /// Where in the schema, e.g. `properties.name.type`; empty for the schema itself.
        public let path: String
        public let message: String

        public init(path: String, message: String) {
            self.path = path
            self.message = message
        }
    }

    private let nodes: [SchemaNode]

    /// Compiles a schema.
    /// - Throws: `Invalid` when a keyword has a value it cannot have, a reference leads nowhere, out of the document or
    ///   back to itself, or a pattern is no regular expression or needs back references.
    public init(_ schema: JSONValue) throws {
        nodes = try SchemaCompiler.compile(schema)
    }

    /// What is wrong with a value, in the order of its members, at most `limit` issues. Empty when the value is valid.
    public func issues(in value: JSONValue, limit: Int = 10) -> [Issue] {
        var checker = SchemaChecker(nodes: nodes, limit: max(1, limit))
        return checker.issues(in: value)
    }

    /// Whether a value is valid; quicker than asking for the issues.
    public func isValid(_ value: JSONValue) -> Bool {
        var checker = SchemaChecker(nodes: nodes, limit: 0)
        return checker.issues(in: value).isEmpty
    }
}
