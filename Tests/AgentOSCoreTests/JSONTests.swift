import AgentOSCore
import AgentOSTestSupport
import Testing

@Suite struct JSONTests {
    private func nested(_ depth: Int, _ open: String, _ inner: String, _ close: String) -> String {
        String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)
    }

    @Test("512 levels are read, 513 are refused")
    func depth() throws {
        #expect(throws: Never.self) { try JSONParser.parse(nested(512, "[", "1", "]")) }
        #expect(throws: Never.self) { try JSONParser.parse(nested(512, #"{"a":"#, "1", "}")) }
        #expect(throws: JSONParseError.self) { try JSONParser.parse(nested(513, "[", "", "]")) }
        #expect(throws: JSONParseError.self) { try JSONParser.parse(nested(513, #"{"a":"#, "1", "}")) }
        #expect(throws: JSONParseError.self) { try JSONParser.parse(nested(200_000, "[", "", "")) }
    }

    @Test("a reader may allow more levels, or fewer")
    func otherDepth() {
        for depth in [1, JSONParser.documentDepth] {
            #expect(throws: Never.self) { try JSONParser.parse(nested(depth, "[", "1", "]"), depth: depth) }
            #expect(throws: JSONParseError.self) {
                try JSONParser.parse(nested(depth + 1, #"{"a":"#, "1", "}"), depth: depth)
            }
        }
    }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", " ", "{", "[1", "[1,]", "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", "01", "1.", ".5", "+1",
            "1e", "-", "--1",
            "0x10", "tru", "True", "nul", "nan", "infinity", "-Inf", "'a'", #""a"#, #""\x""#, #""\u12g4""#, #""\u12"#,
            "\"\u{1}\"",
            "\"a\nb\"", "1 2", "{} []", "[1 2]", "/*a*/1", "\u{feff}{}",
        ])
    func refused(text: String) { #expect(throws: JSONParseError.self) { try JSONParser.parse(text) } }

    @Test(
        "bytes that are not UTF-8 are refused",
        arguments: [
            [0xff], [0xc0, 0x80], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        #expect(throws: JSONParseError.self) { try JSONParser.parse([0x22] + bytes + [0x22]) }
    }

    @Test(
        "escapes are read",
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u00e9\u20AC""#, "é€"), (#""\ud83d\ude00""#, "😀"),
            (#""a\u0000b""#, "a\u{0}b"), (#""\ud800""#, "\u{fffd}"), (#""\udc00x""#, "\u{fffd}x"),
            (#""\ud800\ud83d\ude00""#, "\u{fffd}😀"), (#""\ud800\n""#, "\u{fffd}\n"), (#""\ud800\u0041""#, "\u{fffd}A"),
        ])
    func escapes(text: String, value: String) throws { #expect(try JSONParser.parse(text) == .string(value)) }

    @Test("the bare words of Python's encoder are read and written as null")
    func notFinite() throws {
        let value = try JSONParser.parse("[NaN,Infinity,-Infinity,-1]")
        #expect(value.text == "[null,null,null,-1]")
        #expect(value.arrayValue?.prefix(3).allSatisfy { $0.doubleValue == nil && $0.intValue == nil } == true)
        #expect(JSONValue.double(.infinity).text == "null")
        #expect(JSONValue.double(-.infinity).text == "null")
        #expect(JSONValue.double(.nan).text == "null")
    }

    @Test(
        "numbers come back as they were sent",
        arguments: [
            "0", "-0", "1.10", "1E5", "123456789012345678901234567890", "0.1000000000000000055511151231257827",
            "-1e-400",
            "9223372036854775807", "18446744073709551616",
        ])
    func literals(text: String) throws { #expect(try JSONParser.parse(text).text == text) }

    @Test(
        "a number counts as an integer when its value is one and fits",
        arguments: [
            ("5", 5), ("5.0", 5), ("1e3", 1000), ("-0", 0), ("9223372036854775807", Int.max),
            ("-9223372036854775808", Int.min),
            ("9223372036854775808", nil), ("1.5", nil), ("1e400", nil), ("NaN", nil), ("Infinity", nil), (#""5""#, nil),
            ("true", nil),
        ] as [(String, Int?)])
    func integers(text: String, value: Int?) throws { #expect(try JSONParser.parse(text).intValue == value) }

    @Test("members keep their order, also when there are many")
    func order() throws {
        let names = (0..<40).map { "k\(($0 * 17) % 40)" }
        let text = "{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
        let value = try JSONParser.parse(text)
        #expect(value.objectValue?.keys == names)
        #expect(value.text == text)
    }

    @Test("a repeated member keeps its place, takes the last value and is on record", arguments: [2, 30])
    func repeated(size: Int) throws {
        let filling = (2..<size).map { #","f\#($0)":0"# }.joined()
        let object = try #require(try JSONParser.parse(#"{"a":1,"b":2\#(filling),"a":3}"#).objectValue)
        #expect(object.keys.prefix(2) == ["a", "b"])
        #expect(object["a"] == 3)
        #expect(object.repeated == ["a"])
        #expect(object.count == size)
    }

    @Test("a member can be replaced and taken out of small and large objects", arguments: [3, 13, 14, 40])
    func changing(size: Int) {
        var object = JSONObject((0..<size).map { ("k\($0)", JSONValue.int($0)) })
        object["k1"] = "changed"
        object["k0"] = nil
        object["new"] = true
        object["none"] = nil
        #expect(object.count == size)
        #expect(object["k0"] == nil && object["k1"] == "changed" && object["new"] == true)
        #expect(object.keys.first == "k1" && object.keys.last == "new")
        #expect((2..<size).allSatisfy { object["k\($0)"] == .int($0) })
    }

    @Test("names that look alike but differ in their code points are two members")
    func lookAlikes() throws {
        let text = "{\"e\u{301}\":1,\"\u{e9}\":2}"
        #expect(try JSONParser.parse(text).objectValue?.repeated == [])
        #expect(Array(try JSONParser.parse(text).text.utf8) == Array(text.utf8))
    }

    @Test("objects are equal whatever the order of their members")
    func equality() throws {
        let one = try JSONParser.parse(#"{"a":1,"b":{"c":[true,null]}}"#)
        let other = try JSONParser.parse(#"{ "b": {"c":[true,null]}, "a": 1 }"#)
        #expect(one == other)
        #expect(Set([one, other]).count == 1)
        #expect(one != (try JSONParser.parse(#"{"a":1}"#)))
    }

    @Test("a writer that is told so escapes everything that is not ASCII")
    func asciiOnly() throws {
        let text = "a\u{7f}\u{85}é\u{2028}\u{2029}€\u{fffd}😀\"\\\n\u{0}"
        var writer = JSONWriter(asciiOnly: true)
        writer.string(text)
        let written = String(decoding: writer.bytes, as: UTF8.self)
        #expect(written == #""a\u007f\u0085\u00e9\u2028\u2029\u20ac\ufffd\ud83d\ude00\"\\\n\u0000""#)
        #expect(try JSONParser.parse(written) == .string(text))
    }

    @Test("any other writer leaves non-ASCII text as it is")
    func plainText() { #expect(JSONValue.string("é😀\u{2028}\u{1f}").text == "\"é😀\u{2028}\\u001f\"") }

    @Test("indented JSON reads back as the same value")
    func pretty() throws {
        let value = try JSONParser.parse(#"{"a":[1,{"b":[]},[2]],"c":{},"d":"x"}"#)
        #expect(try JSONParser.parse(value.prettyText) == value)
        #expect(value.prettyText.hasPrefix("{\n  \"a\": [\n    1,\n"))
        #expect(value.prettyText.contains("\"c\": {}"))
    }

    @Test("random values survive being written and read", arguments: 1...40)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let value = randomValue(&random, depth: 4)
            #expect(try JSONParser.parse(value.encoded) == value)
            var ascii = JSONWriter(asciiOnly: true)
            ascii.value(value)
            #expect(ascii.bytes.allSatisfy { $0 < 0x80 })
            #expect(try JSONParser.parse(ascii.bytes) == value)
        }
    }

    private func randomValue(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .int(Int.random(in: Int.min...Int.max, using: &random))
        case 3: return .double(Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 64)
        case 4: return .string(randomText(&random))
        case 5:
            return .array(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in randomValue(&random, depth: depth - 1) })
        default:
            let pairs = (0..<Int.random(in: 0...16, using: &random)).map {
                ("\($0)" + randomText(&random), randomValue(&random, depth: depth - 1))
            }
            return .object(JSONObject(pairs))
        }
    }

    private func randomText(_ random: inout SeededGenerator) -> String {
        let scalars = (0..<Int.random(in: 0...8, using: &random)).map { _ in
            Unicode.Scalar(UInt32.random(in: 0...0x10ffff, using: &random)) ?? "\u{2028}"
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
