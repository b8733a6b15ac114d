import AgentOSCore
import Testing

@Suite("Assertions of evals")
struct EvalAssertionTests {
    private func passes(_ type: String, _ value: JSONValue, on output: JSONValue) throws -> Bool {
        let run = EvalAssertion.Observed(
            output: output, error: nil, tools: [], durationMilliseconds: 0, tokens: 0, costUSD: 0, steps: 0)
        return try EvalAssertion(["type": .string(type), "value": value], path: "assertion").judge(run).passed
    }

    @Test(
        "numbers are equal by their value, whole ones of any length exactly",
        arguments: [
            ("12.0", "12", true), ("1.2e1", "12", true), ("0", "-0", true), ("12", "13", false),
            ("12345678901234567890", "12345678901234567891", false),
            ("12345678901234567890", "1.2345678901234567890e19", true),
        ])
    func numbers(actual: String, expected: String, areEqual: Bool) throws {
        let output: JSONValue = ["sum": .number(actual), "unit": "EUR"]
        #expect(try passes("output_equals", ["unit": "EUR", "sum": .number(expected)], on: output) == areEqual)
        #expect(
            try passes("json_path_equals", ["path": "$.sum", "value": .number(expected)], on: output) == areEqual)
        #expect(try passes("json_path_equals", ["path": "$.gone", "value": .null], on: output) == false)
    }

    @Test(
        "a text is contained when its code points are, whatever belongs together for the eye",
        arguments: [
            ("abc", "", true), ("", "", true), ("", "a", false), ("line1\r\nline2", "\nline2", true),
            ("line1\r\nline2", "line1\r", true), ("well done \u{1F44D}\u{1F3FD}", "\u{1F44D}", true),
            ("cafe\u{301}", "cafe", true), ("aabaabaac", "aabaac", true), ("aabaab", "aabaac", false),
        ])
    func contains(text: String, needle: String, isContained: Bool) throws {
        #expect(try passes("output_contains", .string(needle), on: ["text": .string(text)]) == isContained)
        #expect(try passes("output_not_contains", .string(needle), on: ["text": .string(text)]) == !isContained)
    }

    @Test(
        "nothing that is said of an output holds where there is none",
        arguments: [
            ("output_contains", ""), ("output_equals", ""), ("output_matches", ".*"), ("similar_to", ""),
            ("json_schema", [:]), ("json_path_equals", ["path": "$", "value": .null]),
        ] as [(String, JSONValue)])
    func noOutput(type: String, value: JSONValue) throws {
        #expect(try passes(type, value, on: .null) == false)
        if type != "json_path_equals", type != "json_schema" { #expect(try passes(type, value, on: ["text": ""])) }
    }

    @Test("a cost that is not known is within no bound")
    func cost() throws {
        func judged(_ cost: Double?) throws -> EvalAssertion.Result {
            let run = EvalAssertion.Observed(
                output: ["text": "x"], error: nil, tools: [], durationMilliseconds: 0, tokens: 0, costUSD: cost,
                steps: 1)
            return try EvalAssertion(["type": "max_cost_usd", "value": 1], path: "assertion").judge(run)
        }
        #expect(try judged(0).passed && judged(1).passed)
        #expect(try judged(2).passed == false)
        #expect(try judged(nil).passed == false)
        #expect(try judged(nil).actual == .null)
    }

    @Test("only an answer that is nothing but text is looked at as text")
    func plainText() throws {
        #expect(EvalAssertion.plainText(of: ["text": "hi"]) == "hi")
        #expect(EvalAssertion.plainText(of: ["text": "hi", "score": 1]) == nil)
        #expect(EvalAssertion.plainText(of: .null) == nil)
    }
}
