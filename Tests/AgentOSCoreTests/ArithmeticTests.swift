import AgentOSCore
import Testing

@Suite struct ArithmeticTests {
    @Test(
        "expressions have their value",
        arguments: [
            ("1", 1), ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("10 - 4 - 3", 3), ("100 / 10 / 5", 2), ("7 % 4", 3),
            ("-7 % 4", -3), ("7.5 % 2", 1.5), ("2 ^ 3 ^ 2", 512), ("-2 ^ 2", -4), ("(-2) ^ 2", 4), ("2 ^ -1", 0.5),
            ("2 * -3", -6), ("--4", 4), ("+-+4", -4), ("1 - -1", 2), (".5 + 1.", 1.5), ("1e3", 1000), ("1.5E-2", 0.015),
            ("1.e2", 100), ("2e0 + 1", 3), ("\t 1\n+ 1 ", 2), ("pi", .pi), ("PI * 2", .pi * 2), ("sqrt(16)", 4),
            ("abs(-3)", 3), ("round(2.5)", 3), ("round(-2.5)", -3), ("round(10 / 3, 2)", 3.33),
            ("round(1234, -2)", 1200),
            ("floor(-1.5)", -2), ("ceil(1.2)", 2), ("min(3, 1, 2)", 1), ("max(3)", 3), ("max(1, 2 + 3)", 5),
            ("ln(e)", 1),
            ("log10(1000)", 3), ("log2(8)", 3), ("exp(0)", 1), ("sin(0)", 0), ("cos(0)", 1), ("tan(0)", 0),
            ("pow(2, 10)", 1024), ("Sqrt(abs(-9)) ^ 2", 9), ("((((1))))", 1), ("0 ^ 0", 1), ("0 * 5 / 3", 0),
        ] as [(String, Double)])
    func values(expression: String, value: Double) throws {
        #expect(abs(try Arithmetic.evaluate(expression) - value) < 1e-12)
    }

    @Test(
        "what has no value is refused, with the place and what was expected",
        arguments: [
            ("", "a number was expected, not the end at position 1"),
            ("  ", "a number was expected, not the end at position 3"),
            ("1 +", "a number was expected, not the end at position 4"),
            ("* 2", "a number was expected, not '*' at position 1"),
            ("1 2", "an operator was expected, not '2' at position 3"),
            ("(1", "')' was expected, not the end at position 3"),
            ("(1 2)", "an operator or ')' was expected, not '2' at position 4"), ("1)", "unexpected ')' at position 2"),
            ("2(3)", "an operator was expected, not '(' at position 2"),
            ("2 pi", "an operator was expected, not 'p' at position 3"),
            ("x + 1", "unknown name 'x' at position 1"), ("sqrt 4", "'(' was expected after 'sqrt' at position 6"),
            ("sqrt()", "'sqrt' takes 1 argument(s), not 0, at position 1"),
            ("pow(1)", "'pow' takes 2 argument(s), not 1, at position 1"),
            ("1 + min()", "'min' takes 1 or more argument(s), not 0, at position 5"),
            ("min(1,)", "a number was expected, not ')' at position 7"),
            (".", "a digit was expected beside '.' at position 1"),
            ("1 / 0", "division by zero at position 3"), ("5 % (1 - 1)", "division by zero at position 3"),
            ("0 ^ -1", "division by zero at position 3"), ("pow(0, -2)", "division by zero at position 1"),
            ("1e308 * 10", "the result is too large at position 7"),
            ("10 ^ 400", "the result is too large at position 4"),
            ("1e999", "the result is too large at position 1"), ("exp(1000)", "the result is too large at position 1"),
            ("sqrt(-4)", "'sqrt' has no value for -4 at position 1"),
            ("ln(0)", "'ln' has no value for 0 at position 1"),
            ("log10(-1)", "'log10' has no value for -1 at position 1"),
            ("(-8) ^ 0.5", "the result is not a number at position 6"),
            ("1 = 1", "an operator was expected, not '=' at position 3"),
            ("2 ** 3", "a number was expected, not '*' at position 4"),
            ("1,5", "an operator was expected, not ',' at position 2"),
            ("é", "a number was expected, not 'é' at position 1"),
            ("1e", "an operator was expected, not 'e' at position 2"),
        ])
    func refused(expression: String, message: String) {
        let error = #expect(throws: Arithmetic.Failure.self) { try Arithmetic.evaluate(expression) }
        #expect(error?.message == message)
    }

    @Test("length and depth are bounded")
    func bounds() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        #expect(try Arithmetic.evaluate(nested(100, "(", ")")) == 1)
        #expect(try Arithmetic.evaluate(nested(100, "-", "")) == 1)
        #expect(try Arithmetic.evaluate(nested(499, "1+", "")) == 500)
        for (open, close) in [("(", ")"), ("-", ""), ("abs(", ")"), ("1^", ""), ("(-", ")")] {
            #expect(throws: Arithmetic.Failure.self) { try Arithmetic.evaluate(nested(101, open, close)) }
        }
        #expect(try Arithmetic.evaluate(String(repeating: " ", count: 999) + "1") == 1)
        #expect(throws: Arithmetic.Failure.self) { try Arithmetic.evaluate(String(repeating: " ", count: 1000) + "1") }
    }

    @Test(
        "integers are written without a fraction",
        arguments: [
            (3, "3"), (-3, "-3"), (0, "0"), (-0.0, "0"), (0.5, "0.5"), (0.1, "0.1"), (1e14, "100000000000000"),
            (1e20, "1e+20"), (1.0 / 3.0, "0.3333333333333333"), (-2.5e-7, "-2.5e-07"), (.infinity, "inf"),
            (.nan, "nan"),
        ] as [(Double, String)])
    func text(value: Double, text: String) { #expect(Arithmetic.text(value) == text) }
}
