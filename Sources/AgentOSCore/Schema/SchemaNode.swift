/// The kinds that the keyword `type` can name.
struct SchemaTypes: OptionSet, Sendable {
    let rawValue: UInt8

    static let null = SchemaTypes(rawValue: 1)
    static let boolean = SchemaTypes(rawValue: 2)
    static let integer = SchemaTypes(rawValue: 4)
    static let number = SchemaTypes(rawValue: 8)
    static let string = SchemaTypes(rawValue: 16)
    static let array = SchemaTypes(rawValue: 32)
    static let object = SchemaTypes(rawValue: 64)

    /// The words of the schema language, and how a message says them.
    static let named: [(word: String, type: SchemaTypes, noun: String)] = [
        ("string", .string, "a string"), ("integer", .integer, "an integer"), ("number", .number, "a number"),
        ("boolean", .boolean, "a boolean"), ("array", .array, "an array"), ("object", .object, "an object"),
        ("null", .null, "null"),
    ]

    /// What a value is; an integer is a number too. NaN and the infinities are none of these.
    init(of value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool: self = .boolean
        case .number(let literal):
            guard let number = ExactDecimal(literal) else {
                self = []
                return
            }
            self = number.isInteger ? [.integer, .number] : .number
        case .string: self = .string
        case .array: self = .array
        case .object: self = .object
        }
    }

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `a string, an integer or null`.
    var nouns: String {
        let nouns = Self.named.filter { contains($0.type) }.map(\.noun)
        guard let last = nouns.last, nouns.count > 1 else { return nouns.first ?? "nothing" }
        return nouns.dropLast().joined(separator: ", ") + " or " + last
    }
}

/// A compiled subschema. Others are named by their place in the list of all.
struct SchemaNode: Sendable {
    /// What has to hold, in the order it is checked. None: everything is valid.
    var rules: [SchemaRule] = []
    /// What `type` allows; nil when it is absent.
    var types: SchemaTypes?
}

/// Members of `properties` and its like, found by the bytes of their names.
typealias SchemaNames<Value> = [[UInt8]: Value]

/// One keyword, or several that work together.
enum SchemaRule: Sendable {
    /// The schema `false`.
    case never
    case types(SchemaTypes)
    /// `enum` and `const`: the canonical bytes of what is allowed, and how a message says it.
    case values(Set<[UInt8]>, kinds: SchemaTypes, message: String)

    case multipleOf(digits: UInt64, exponent: Int, message: String)
    case bound(ExactDecimal, SchemaBound, message: String)

    case length(SchemaRange)
    case pattern(SchemaPattern)

    case itemCount(SchemaRange)
    case uniqueItems
    /// `first` are the schemas of the leading items, `rest` is that of all after them.
    case items(first: [Int], rest: Int?)
    case contains(Int)

    case memberCount(SchemaRange)
    case required([String])
    case members(properties: SchemaNames<Int>, patterns: [(SchemaPattern, Int)], additional: Int?)
    case names(Int)
    case requiredWith(String, [String])
    case schemaWith(String, Int)

    case allOf([Int])
    case anyOf([Int])
    case oneOf([Int])
    case not(Int)
    case condition(if: Int, then: Int?, else: Int?)
}

enum SchemaBound: Sendable {
    case maximum, exclusiveMaximum, minimum, exclusiveMinimum

    func holds(_ number: ExactDecimal, _ bound: ExactDecimal) -> Bool {
        switch self {
        case .maximum: number <= bound
        case .exclusiveMaximum: number < bound
        case .minimum: number >= bound
        case .exclusiveMinimum: number > bound
        }
    }
}

/// How many there may be.
struct SchemaRange: Sendable {
    var minimum = 0
    var maximum = Int.max

    /// What is wrong with a count, nil when it is right. `noun` is the plural.
    func problem(_ count: Int, _ noun: String) -> String? {
        func counted(_ number: Int) -> String { number == 1 ? "1 \(noun.dropLast())" : "\(number) \(noun)" }
        if count < minimum { return "must have at least \(counted(minimum)), not \(count)" }
        if count > maximum { return "must have at most \(counted(maximum)), not \(count)" }
        return nil
    }
}
