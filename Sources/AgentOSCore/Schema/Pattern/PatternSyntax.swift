/// Why a text is not a regular expression that is understood here.
struct PatternError: Error {
    let message: String
}

/// What a regular expression consists of.
indirect enum PatternSyntax: Sendable {
    case character(UInt32)
    case set(PatternSet)
    case sequence([PatternSyntax])
    case choice([PatternSyntax])
    case repeated(PatternSyntax, minimum: Int, maximum: Int?)
    case start, end
    case wordBorder(Bool)
    /// Looking ahead or behind, for what must or must not be there.
    case look(PatternSyntax, ahead: Bool, negated: Bool)
}

/// A class of characters.
struct PatternSet: Sendable {
    enum Item: Sendable {
        case range(UInt32, UInt32)
        case digit(negated: Bool)
        case word(negated: Bool)
        case space(negated: Bool)
        case property(PatternProperty, negated: Bool)
    }

    var items: [Item]
    var negated = false

    /// What `.` stands for: all but the ends of lines.
    static let dot = PatternSet(
        items: [.range(0x0a, 0x0a), .range(0x0d, 0x0d), .range(0x2028, 0x2029)], negated: true)

    func contains(_ character: UInt32) -> Bool {
        for item in items {
            let found =
                switch item {
                case .range(let low, let high): low <= character && character <= high
                case .digit(let negated): Self.isDigit(character) != negated
                case .word(let negated): Self.isWord(character) != negated
                case .space(let negated): Self.isSpace(character) != negated
                case .property(let property, let negated): property.holds(character) != negated
                }
            if found { return !negated }
        }
        return negated
    }

    static func isDigit(_ character: UInt32) -> Bool { character &- 0x30 <= 9 }

    static func isWord(_ character: UInt32) -> Bool {
        isDigit(character) || (character | 0x20) &- 0x61 <= 25 && character < 0x80 || character == 0x5f
    }

    /// White space and ends of lines, as ECMA-262 lists them.
    static func isSpace(_ character: UInt32) -> Bool {
        switch character {
        case 0x09...0x0d, 0x20, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff: true
        default: false
        }
    }
}

/// A property of characters, as in `\p{Lu}`. General categories and a few binary properties; no scripts.
enum PatternProperty: Sendable {
    case any, ascii, alphabetic, uppercase, lowercase, whiteSpace
    case categories(Set<Unicode.GeneralCategory>)

    init?(_ name: String) {
        let name = name.split(separator: "=", omittingEmptySubsequences: false)
        guard name.count <= 2, let last = name.last.map(String.init) else { return nil }
        if name.count == 2, name[0] != "gc", name[0] != "General_Category" { return nil }
        if let found = Self.categoryNames.first(where: { $0.short == last || $0.long == last }) {
            self = .categories(found.categories)
            return
        }
        guard name.count == 1 else { return nil }
        switch last {
        case "Any": self = .any
        case "ASCII": self = .ascii
        case "Alphabetic", "Alpha": self = .alphabetic
        case "Uppercase", "Upper": self = .uppercase
        case "Lowercase", "Lower": self = .lowercase
        case "White_Space", "space": self = .whiteSpace
        default: return nil
        }
    }

    func holds(_ character: UInt32) -> Bool {
        guard let scalar = Unicode.Scalar(character) else { return false }
        return switch self {
        case .any: true
        case .ascii: character < 0x80
        case .alphabetic: scalar.properties.isAlphabetic
        case .uppercase: scalar.properties.isUppercase
        case .lowercase: scalar.properties.isLowercase
        case .whiteSpace: scalar.properties.isWhitespace
        case .categories(let categories): categories.contains(scalar.properties.generalCategory)
        }
    }

    private static let categoryNames: [(short: String, long: String, categories: Set<Unicode.GeneralCategory>)] = [
        (
            "L", "Letter",
            [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter]
        ),
        ("LC", "Cased_Letter", [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter]),
        ("Lu", "Uppercase_Letter", [.uppercaseLetter]), ("Ll", "Lowercase_Letter", [.lowercaseLetter]),
        ("Lt", "Titlecase_Letter", [.titlecaseLetter]), ("Lm", "Modifier_Letter", [.modifierLetter]),
        ("Lo", "Other_Letter", [.otherLetter]),
        ("M", "Mark", [.nonspacingMark, .spacingMark, .enclosingMark]),
        ("Mn", "Nonspacing_Mark", [.nonspacingMark]), ("Mc", "Spacing_Mark", [.spacingMark]),
        ("Me", "Enclosing_Mark", [.enclosingMark]),
        ("N", "Number", [.decimalNumber, .letterNumber, .otherNumber]),
        ("Nd", "Decimal_Number", [.decimalNumber]), ("Nl", "Letter_Number", [.letterNumber]),
        ("No", "Other_Number", [.otherNumber]),
        (
            "P", "Punctuation",
            [
                .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
                .finalPunctuation, .otherPunctuation,
            ]
        ),
        ("Pc", "Connector_Punctuation", [.connectorPunctuation]), ("Pd", "Dash_Punctuation", [.dashPunctuation]),
        ("Ps", "Open_Punctuation", [.openPunctuation]), ("Pe", "Close_Punctuation", [.closePunctuation]),
        ("Pi", "Initial_Punctuation", [.initialPunctuation]), ("Pf", "Final_Punctuation", [.finalPunctuation]),
        ("Po", "Other_Punctuation", [.otherPunctuation]),
        ("S", "Symbol", [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol]),
        ("Sm", "Math_Symbol", [.mathSymbol]), ("Sc", "Currency_Symbol", [.currencySymbol]),
        ("Sk", "Modifier_Symbol", [.modifierSymbol]), ("So", "Other_Symbol", [.otherSymbol]),
        ("Z", "Separator", [.spaceSeparator, .lineSeparator, .paragraphSeparator]),
        ("Zs", "Space_Separator", [.spaceSeparator]), ("Zl", "Line_Separator", [.lineSeparator]),
        ("Zp", "Paragraph_Separator", [.paragraphSeparator]),
        ("C", "Other", [.control, .format, .surrogate, .privateUse, .unassigned]),
        ("Cc", "Control", [.control]), ("Cf", "Format", [.format]), ("Co", "Private_Use", [.privateUse]),
        ("Cn", "Unassigned", [.unassigned]),
    ]
}
