import AgentOSCore
import AgentOSTestSupport
import AgentOSWire
import Testing

@Suite struct CheckedJSONTests {
    @Test(
        "a text that is no JSON object is refused",
        arguments: [
            "", "  ", "{", "}", "[]", "1", "\"a\"", "null", "NaN", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" 1}"#,
            #"{"a":tru}"#,
            #"{"a":"\q"}"#, #"{"a":"\u12"}"#, #"{"a":"\u12zz"}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":-}"#, #"{"a":.5}"#,
            #"{"a":1e}"#,
            #"{"a":1]"#, #"{"a":[1}}"#, #"{"a":1}{}"#, #"{"a":1} x"#, "{\"a\":\"\u{1}\"}", "{\"a\":\"line\nbreak\"}",
            #"{a:1}"#, #"{'a':1}"#,
            #"{"a":Inf}"#, #"{"a":nan}"#, #"{"a":"#, #"{"a":"b"#, #"{"a":"b\"#, #"{"a":"b\u"#, "\u{feff}{}",
            #"{"a":1,,"b":2}"#,
        ])
    func refused(text: String) throws { #expect(try refusedPath { _ = try checked(text) } == "") }

    @Test(
        "bytes that are not UTF-8 are refused, in values and in names",
        arguments: [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]]
            as [[UInt8]])
    func notUTF8(bytes: [UInt8]) throws {
        let (open, close) = (Array(#"{"a":""#.utf8), Array(#""}"#.utf8))
        #expect(try refusedPath { _ = try checked(open + bytes + close) } == "")
        #expect(try refusedPath { _ = try checked(Array("{\"".utf8) + bytes + Array("\":1}".utf8)) } == "")
    }

    @Test("a body may be as deep as a value and its envelope, and is refused beyond that however deep it is")
    func depth() throws {
        let most = 512 + CheckedJSON.envelopeDepth
        #expect(try refusedPath { _ = try checked(#"{"a":\#(nested(most - 1))}"#) } == nil)
        #expect(try refusedPath { _ = try checked(#"{"a":\#(nested(most))}"#) } == "")
        #expect(try refusedPath { _ = try checked(#"{"a":"# + String(repeating: "[", count: 500_000)) } == "")
    }

    @Test("as a tree, each member may be 512 levels deep and no deeper")
    func memberDepth() throws {
        #expect(try refusedPath { _ = try checked(#"{"a":\#(nested(512)),"b":1}"#).object() } == nil)
        #expect(try refusedPath { _ = try checked(#"{"a":\#(nested(513)),"b":1}"#).object() } == "")
    }

    @Test(
        "what is not finite becomes null and lone surrogates become U+FFFD",
        arguments: [
            (#"{"a":NaN}"#, #"{"a":null}"#), (#"{"a":[Infinity,-Infinity,-1]}"#, #"{"a":[null,null,-1]}"#),
            (#"{"NaN":"NaN -Infinity"}"#, #"{"NaN":"NaN -Infinity"}"#), (#"{"a":"\ud800"}"#, "{\"a\":\"\u{fffd}\"}"),
            (#"{"\udc00":"\ud83d\ude00\ud83d"}"#, "{\"\u{fffd}\":\"😀\u{fffd}\"}"),
            (#"{"a":"\\ud800 \"NaN\" \ud800"}"#, "{\"a\":\"\\\\ud800 \\\"NaN\\\" \u{fffd}\"}"),
        ])
    func rewritten(text: String, json: String) throws {
        #expect(JSONValue.object(try checked(text).object()).text == json)
    }

    @Test("bare words are told from null in the tree, and are null when it is written")
    func bareWords() throws {
        let tree = try checked(#"{"a":NaN,"b":[-Infinity],"c":null,"d":"\ud800"}"#).object()
        #expect(tree["a"]?.isNull == false && tree["a"]?.kindName == "a number" && tree["a"]?.doubleValue == nil)
        #expect(JSONValue.object(tree).text == "{\"a\":null,\"b\":[null],\"c\":null,\"d\":\"\u{fffd}\"}")
    }

    @Test("text, big integers and the order of members are kept")
    func kept() throws {
        let text = #"{"z":123456789012345678901234567890,"a":"a\u0000é😀","m":{"y":1.10,"b":[]}}"#
        #expect(JSONValue.object(try checked(text).object()) == (try JSONParser.parse(text)))
        #expect(try checked(text).object().keys == ["z", "a", "m"])
    }

    // MARK: - Against the other reader

    @Test("the checker accepts exactly what the parser accepts, and both read the same", arguments: 1...300)
    func differential(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            var bytes = Array(randomObject(&random, depth: 4).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &random) { mutate(&bytes, &random) }
            let parsed = (try? JSONParser.parse(bytes))?.objectValue
            let accepted = try? checked(bytes)
            let shown = "\(String(decoding: bytes, as: UTF8.self)) \(bytes)"
            #expect((accepted != nil) == (parsed != nil), "seed \(seed): \(shown)")
            guard let accepted, let parsed else { continue }
            let read = JSONValue.object(try accepted.object()).encoded
            #expect(read == JSONValue.object(parsed).encoded, "seed \(seed): \(shown)")
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
        let telling = Array("{}[]\",:\\u0nN-Ie. \u{1}\u{9}\n".utf8) + [0x80, 0xc3, 0xff, 0xed, 0x00]
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(telling.randomElement(using: &random) ?? 0, at: place)
        case 2: bytes[place] = telling.randomElement(using: &random) ?? 0
        case 3: bytes[place] = .random(in: 0...255, using: &random)
        default: bytes.removeSubrange(place...)
        }
        if bytes.isEmpty { bytes = [0x7b] }
    }

    private func space(_ random: inout SeededGenerator) -> String {
        ["", "", "", " ", "\n", "\t\r "].randomElement(using: &random) ?? ""
    }

    private func randomObject(_ random: inout SeededGenerator, depth: Int) -> String {
        let members = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            "\(randomString(&random))\(space(&random)):\(randomValue(&random, depth: depth - 1))"
        }
        return space(&random) + "{" + space(&random) + members.joined(separator: ",") + "}" + space(&random)
    }

    private func randomString(_ random: inout SeededGenerator) -> String {
        let pieces = [
            "a", "é", "😀", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\ud83d\\ude00", "\\ud800", "\\udc00", "\\u0000",
            "sixteen bytes long", "\u{2028}",
        ]
        return "\""
            + (0..<Int.random(in: 0...5, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
            .joined() + "\""
    }

    private func randomValue(_ random: inout SeededGenerator, depth: Int) -> String {
        let scalars = ["1", "-0", "12.5e+3", "true", "false", "null", "NaN", "Infinity", "-Infinity", "1E-7"]
        let text: String
        switch Int.random(in: 0..<(depth > 0 ? 5 : 3), using: &random) {
        case 0, 1: text = scalars.randomElement(using: &random) ?? "1"
        case 2: text = randomString(&random)
        case 3: text = randomObject(&random, depth: depth)
        default:
            let items = (0..<Int.random(in: 0...4, using: &random)).map { _ in randomValue(&random, depth: depth - 1) }
            text = "[" + items.joined(separator: ",") + "]"
        }
        return space(&random) + text + space(&random)
    }
}
