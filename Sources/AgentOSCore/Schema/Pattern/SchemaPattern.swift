/// A compiled `pattern`.
struct SchemaPattern: Sendable {
    /// The longest pattern, in code points.
    static let maximumLength = 2000

    /// The pattern as messages show it.
    let shownSource: String
    private let program: PatternProgram

    /// - Throws: `PatternError`
    init(_ source: String) throws {
        guard source.unicodeScalars.count <= Self.maximumLength else {
            throw PatternError(message: "longer than \(Self.maximumLength) characters")
        }
        shownSource = source.count <= 200 ? source : String(source.prefix(200)) + "…"
        program = try PatternProgram(PatternParser.parse(source))
    }

    /// Whether the pattern occurs anywhere in a text. Takes the work off `steps`.
    /// - Throws: `PatternMatcher.OutOfSteps`
    func occurs(in text: String, steps: inout Int) throws -> Bool {
        try PatternMatcher.finds(program, in: text, steps: &steps)
    }
}
