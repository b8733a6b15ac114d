import AgentOSCore
import Foundation
import Testing

@Suite struct JSONSchemaTests {
    private func parsed(_ text: String) throws -> JSONValue { try JSONParser.parse(text) }

    private func issues(_ schema: String, _ value: String, limit: Int = 10) throws -> [String] {
        let issues = try JSONSchema(parsed(schema)).issues(in: parsed(value), limit: limit)
        return issues.map { "\($0.path): \($0.message)" }
    }

    // MARK: - The shared cases

    /// Another suite holds the same cases against the Python package `jsonschema`.
    @Test("the shared cases come out as they should")
    func sharedCases() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/json-schema-cases.json")
        let cases = try #require(JSONParser.parse([UInt8](Data(contentsOf: file))).arrayValue)
        #expect(cases.count > 500)
        for item in cases {
            let schema = try JSONSchema(#require(item["schema"]))
            let value = try #require(item["value"])
            let valid = item["valid"] == true
            #expect(schema.isValid(value) == valid, "\(item.text)")
            #expect(schema.issues(in: value).isEmpty == valid, "\(item.text)")
        }
    }

    // MARK: - Messages

    @Test(
        "an issue says where and what",
        arguments: [
            (#"{"required": ["ticket_id"]}"#, "{}", "ticket_id: is required"),
            (#"{"type": "integer"}"#, #""7""#, ": must be an integer, not a string"),
            (#"{"type": "integer"}"#, "7.5", ": must be an integer, not a fraction"),
            (#"{"type": "string"}"#, "7.5", ": must be a string, not a number"),
            (#"{"type": ["string", "integer", "null"]}"#, "[]", ": must be a string, an integer or null, not an array"),
            (#"{"enum": ["low", "high"]}"#, #""secret""#, #": must be one of "low", "high""#),
            (#"{"const": {"a": 1}}"#, "1", #": must be {"a":1}"#),
            (#"{"enum": []}"#, "1", ": is not allowed: no value is"),
            (#"{"multipleOf": 0.01}"#, "0.001", ": must be a multiple of 0.01"),
            (#"{"minimum": 3}"#, "2", ": must be at least 3"),
            (#"{"maximum": 3}"#, "4", ": must be at most 3"),
            (#"{"exclusiveMinimum": 3}"#, "3", ": must be greater than 3"),
            (#"{"exclusiveMaximum": 3}"#, "3", ": must be less than 3"),
            (#"{"minLength": 1}"#, #""""#, ": must have at least 1 character, not 0"),
            (#"{"maxLength": 2}"#, #""abc""#, ": must have at most 2 characters, not 3"),
            (#"{"pattern": "^T-\\d+$"}"#, #""x""#, #": must match the pattern ^T-\d+$"#),
            (#"{"maxItems": 1}"#, "[1, 2]", ": must have at most 1 item, not 2"),
            (#"{"uniqueItems": true}"#, "[1, 2, 1.0]", ": must not have the same item twice: items 0 and 2 are equal"),
            (#"{"contains": {"const": 1}}"#, "[]", ": must contain an item of the kind that the schema asks for"),
            (#"{"minProperties": 2}"#, "{}", ": must have at least 2 members, not 0"),
            (#"{"additionalProperties": false}"#, #"{"x": 1}"#, "x: is not allowed"),
            (#"{"propertyNames": {"maxLength": 1}}"#, #"{"xy": 1}"#, "xy: has a name that is not allowed"),
            (#"{"dependencies": {"a": ["b"]}}"#, #"{"a": 1}"#, #"b: is required when "a" is there"#),
            (#"{"not": {}}"#, "1", ": must not be of the kind that the schema excludes"),
            (#"{"allOf": [{"minimum": 3}]}"#, "1", ": must be at least 3"),
            (#"{"oneOf": [true, false, {}]}"#, "1", ": must match only one of 3 alternatives, not both 1 and 3"),
            (#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#, "1", ": must be a string or null, not a number"),
            (#"{"anyOf": [{"type": "string"}, {"type": "number", "minimum": 3}]}"#, "1", ": must be at least 3"),
            (
                #"{"anyOf": [{"minimum": 3}, {"maximum": 0}]}"#, "1",
                ": must match one of 2 alternatives, but matches none"
            ),
            (
                #"{"items": {"properties": {"name": {"type": "string"}}}}"#, #"[{}, {}, {"name": 1}]"#,
                "[2].name: must be a string, not a number"
            ),
            (
                #"{"properties": {"items": {"items": {"required": ["a.b"]}}}}"#, #"{"items": [{}]}"#,
                #"items[0]["a.b"]: is required"#
            ),
            (
                ##"{"$ref": "#/definitions/a", "definitions": {"a": {"type": "null"}}}"##, "1",
                ": must be null, not a number"
            ),
        ])
    func messages(schema: String, value: String, issue: String) throws {
        #expect(try issues(schema, value) == [issue])
    }

    @Test("of alternatives with a constant member the named one is explained")
    func namedAlternative() throws {
        let schema = #"""
            {"oneOf": [
              {"properties": {"kind": {"const": "circle"}, "r": {"type": "number"}}, "required": ["r"]},
              {"properties": {"kind": {"const": "square"}, "a": {"type": "number"}}, "required": ["a"]}
            ]}
            """#
        #expect(try issues(schema, #"{"kind": "square", "r": 1}"#) == ["a: is required"])
        #expect(try issues(schema, #"{"kind": "circle", "r": "1"}"#) == ["r: must be a number, not a string"])
    }

    @Test("issues come in the order of the members, up to the limit")
    func order() throws {
        let schema = #"{"required": ["z"], "additionalProperties": {"type": "string"}}"#
        let value = #"{"b": 1, "a": 2, "c": "x", "d": null}"#
        #expect(try issues(schema, value).map { $0.prefix(1) } == ["z", "b", "a", "d"])
        #expect(try issues(schema, value, limit: 2).map { $0.prefix(1) } == ["z", "b"])
        #expect(try issues(schema, value, limit: 0).count == 1)
    }

    @Test("no issue tells the value")
    func discreet() throws {
        let secret = #""hunter2""#
        let schemas = [
            #"{"type": "null"}"#, #"{"enum": [1, "a"]}"#, #"{"const": "a"}"#, #"{"minLength": 9}"#,
            #"{"pattern": "^a"}"#,
            #"{"not": {}}"#, #"{"anyOf": [{"maxLength": 1}, false]}"#, "false",
        ]
        for schema in schemas { #expect(!(try issues(schema, secret)).joined().contains("hunter2"), "\(schema)") }
    }

    // MARK: - Numbers

    @Test(
        "numbers are exact decimals",
        arguments: [
            (#"{"multipleOf": 0.01}"#, "19.99", true), (#"{"multipleOf": 0.1}"#, "1.1", true),
            (#"{"multipleOf": 0.01}"#, "0.07", true), (#"{"multipleOf": 0.0001}"#, "0.00751", false),
            (#"{"multipleOf": 1e-7}"#, "12391239123", true), (#"{"multipleOf": 3}"#, "1e400", false),
            (#"{"multipleOf": 4}"#, "1e400", true), (#"{"multipleOf": 7}"#, "1e999999999999999999999", false),
            (#"{"multipleOf": 9999999999999999999}"#, "99999999999999999990", true),
            (#"{"multipleOf": 9999999999999999999}"#, "99999999999999999991", false),
            (#"{"type": "integer"}"#, "1e400", true), (#"{"type": "integer"}"#, "1.50e1", true),
            (#"{"type": "integer"}"#, "1e-1", false), (#"{"type": "integer"}"#, "0e-5", true),
            (#"{"type": "integer"}"#, "100000000000000000000.5", false),
            (#"{"maximum": 0.3}"#, "0.30000000000000000001", false),
            (#"{"const": 9007199254740993}"#, "9007199254740992", false),
            (#"{"const": 0.1}"#, "1e-1", true), (#"{"const": 0}"#, "-0.0", true),
            (#"{"minimum": -1e400}"#, "-1e401", false),
            (#"{"type": "number"}"#, "NaN", false), (#"{"type": "number"}"#, "-Infinity", false),
            (#"{"minimum": 0}"#, "Infinity", false),
        ])
    func numbers(schema: String, value: String, valid: Bool) throws {
        #expect(try JSONSchema(parsed(schema)).isValid(parsed(value)) == valid)
    }

    // MARK: - Patterns

    @Test(
        "patterns are those of ECMA-262",
        arguments: [
            ("^a$", "a\n", false), (#"^\d$"#, "٣", false), (#"^\w$"#, "é", false), (#"^\s$"#, "\u{a0}", true),
            (#"^\s$"#, "\u{feff}", true), ("^.$", "\u{2028}", false),
            ("^.$", "😀", true), (#"^\u{1F600}$"#, "😀", true),
            (#"^\uD83D\uDE00$"#, "😀", true), ("^[😀-😂]$", "😁", true), (#"^\p{Lu}\p{Letter}+$"#, "Éa", true),
            (#"^\P{L}$"#, "é", false), (#"^[\p{Nd}x]+$"#, "٣x", true), ("^[]$", "a", false), ("^[^]$", "\n", true),
            ("^a{,2}$", "a{,2}", true), ("^x{$", "x{", true), (#"^\cA$"#, "\u{1}", true), (#"^\0$"#, "\u{0}", true),
            (#"^[\b]$"#, "\u{8}", true), (#"^[\w-]+$"#, "a-b", true), (#"^(?<year>\d{4})$"#, "2026", true),
            ("(?<=^ab)c", "abc", true), ("(?<=(?<!x)ab)c", "xabc", false), ("^é$", "e\u{301}", false),
        ])
    func patterns(pattern: String, text: String, found: Bool) throws {
        #expect(try JSONSchema(["pattern": .string(pattern)]).isValid(.string(text)) == found)
    }

    @Test(
        "what is no pattern is refused",
        arguments: [
            "(", ")", "[a", "a**", "*a", "?", "a{2,1}", "{1}", "(?P<n>a)", "(?i)a", #"\"#, #"\Z"#, #"\1"#, #"(a)\1"#,
            #"\k<n>"#,
            #"\x1"#, #"\u12"#, #"\u{110000}"#, "[b-a]", #"\p{Nonsense}"#, #"\p"#, "^*", "(?<>a)", "a{20000}",
            "((a{100}){100}){100}", "(?:(?:(?:){1000}){1000}){1000}", String(repeating: "(", count: 2000),
            String(repeating: "a", count: 2001),
        ])
    func notAPattern(pattern: String) {
        #expect(throws: JSONSchema.Invalid.self) { try JSONSchema(["pattern": .string(pattern)]) }
        #expect(throws: JSONSchema.Invalid.self) { try JSONSchema(["patternProperties": [pattern: true]]) }
    }

    // MARK: - Schemas that are none

    @Test(
        "a wrong schema is refused with the place",
        arguments: [
            ("5", ""), ("null", ""), (#"{"type": "strin"}"#, "type"), (#"{"type": []}"#, "type"),
            (#"{"type": ["null", "null"]}"#, "type"), (#"{"enum": 1}"#, "enum"), (#"{"multipleOf": 0}"#, "multipleOf"),
            (#"{"multipleOf": -1}"#, "multipleOf"), (#"{"minimum": "1"}"#, "minimum"),
            (#"{"minimum": NaN}"#, "minimum"),
            (#"{"exclusiveMaximum": true}"#, "exclusiveMaximum"), (#"{"minLength": -1}"#, "minLength"),
            (#"{"maxItems": 1.5}"#, "maxItems"), (#"{"pattern": 1}"#, "pattern"), (#"{"items": 1}"#, "items"),
            (#"{"items": []}"#, "items"), (#"{"items": [1]}"#, "items[0]"), (#"{"uniqueItems": 1}"#, "uniqueItems"),
            (#"{"required": "a"}"#, "required"), (#"{"required": ["a", "a"]}"#, "required"),
            (#"{"properties": []}"#, "properties"), (#"{"properties": {"a": {"type": 1}}}"#, "properties.a.type"),
            (#"{"properties": {"a.b": 1}}"#, #"properties["a.b"]"#),
            (#"{"dependencies": {"a": [1]}}"#, "dependencies.a"),
            (#"{"allOf": []}"#, "allOf"), (#"{"anyOf": [{}, {"not": 1}]}"#, "anyOf[1].not"), (#"{"if": 1}"#, "if"),
            (#"{"then": 1}"#, "then"), (#"{"definitions": {"a": 1}}"#, "definitions.a"), (#"{"title": 1}"#, "title"),
            (#"{"$ref": 1}"#, "$ref"), (##"{"$ref": "#"}"##, "$ref"), (##"{"$ref": "#/nowhere"}"##, "$ref"),
            (##"{"$ref": "#name"}"##, "$ref"), (##"{"$ref": "#/definitions/~2"}"##, "$ref"),
            (##"{"$ref": "#/%zz"}"##, "$ref"),
            (#"{"items": {"$ref": "other.json"}}"#, "items.$ref"), (#"{"$ref": "http://example.com/schema"}"#, "$ref"),
            (##"{"$ref": "#/title", "title": "x"}"##, "title"), (##"{"allOf": [{"$ref": "#"}]}"##, ""),
            (##"{"not": {"anyOf": [{"$ref": "#"}]}}"##, ""), (##"{"dependencies": {"a": {"$ref": "#"}}}"##, ""),
            (
                ##"{"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}}"##,
                "definitions.a.$ref"
            ),
        ])
    func refused(schema: String, path: String) throws {
        let schema = try parsed(schema)
        let error = #expect(throws: JSONSchema.Invalid.self) { try JSONSchema(schema) }
        #expect(error?.path == path, "\(error?.message ?? "")")
    }

    // MARK: - Bounds

    @Test("nothing that is nested deeply or takes long is a way in")
    func bounds() throws {
        // Each level is applied twice: 2^40 checks, were they all made.
        let levels = (0..<40).map { level in
            let next = ##"{"$ref": "#/definitions/d\##(level + 1)"}"##
            return #""d\#(level)": {"anyOf": [\#(next), \#(next)]}"#
        }
        let definitions = levels.joined(separator: ", ") + #", "d40": false"#
        for start in [##""$ref": "#/definitions/d0""##, ##""not": {"$ref": "#/definitions/d0"}"##] {
            let found = try issues(#"{\#(start), "definitions": {\#(definitions)}}"#, "1")
            #expect(found == [": takes too long to be checked"])
        }

        let chain = (0..<3000).map { ##""d\##($0)": {"allOf": [{"$ref": "#/definitions/d\##($0 + 1)"}]}"## }
        let long = ##"{"$ref": "#/definitions/d0", "definitions": {\##(chain.joined(separator: ", ")), "d3000": {}}}"##
        #expect(try issues(long, "1") == [": is nested too deeply to be checked"])

        let tree = ##"{"type": ["object", "array"], "items": {"$ref": "#"}, "additionalProperties": {"$ref": "#"}}"##
        let deep = String(repeating: #"{"a":["#, count: 256) + String(repeating: "]}", count: 256)
        #expect(try issues(tree, deep) == [])
    }

    @Test(
        "no text makes a pattern take long",
        arguments: ["^(a+)+$", "^(a|a)*$", "^(a*)*b", "(a+a+)+b", "(?=(a+)+b)c", "^(?:a?){100}a{100}b$"])
    func hostilePatterns(pattern: String) throws {
        let schema = try JSONSchema(["pattern": .string(pattern)])
        let clock = ContinuousClock()
        let took = clock.measure {
            let issues = schema.issues(in: .string(String(repeating: "a", count: 5000) + "!"))
            #expect(issues.count == 1)
        }
        #expect(took < .seconds(30))
    }

    @Test("a large value is checked whole")
    func large() throws {
        let schema = try JSONSchema(["items": ["type": "integer"], "uniqueItems": true])
        #expect(schema.isValid(.array((0..<100_000).map { .int($0) })))
        #expect(!schema.isValid(.array((0..<100_000).map { .int($0) } + [5])))
    }
}
