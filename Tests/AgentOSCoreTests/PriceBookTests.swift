import AgentOSCore
import Testing

@Suite struct PriceBookTests {
    private func day(_ text: String) throws -> Timestamp { try #require(Timestamp(iso8601: text + "T00:00:00Z")) }

    private func book(_ entries: String...) throws -> PriceBook {
        try PriceBook(json: Array(#"{"prices": [\#(entries.joined(separator: ", "))]}"#.utf8))
    }

    // MARK: - What came with the release

    @Test("the book of the release is there and makes sense")
    func builtIn() throws {
        let models = PriceBook.builtIn.models
        #expect(models.count > 40)
        #expect(models.map(\.id) == models.map(\.id).sorted())
        for model in models {
            for dated in model.prices {
                let price = dated.price
                #expect(price.input > 0 && price.output >= price.input, "\(model.id)")
                #expect(price.cacheRead <= price.input, "\(model.id)")
                #expect(price.cacheWrite >= price.input, "\(model.id)")
            }
            #expect(model.prices.map(\.from) == model.prices.map(\.from).sorted())
            #expect((model.contextTokens ?? 8192) >= 8192)
        }
    }

    @Test(
        "well-known models have their list prices",
        arguments: [
            ("claude-3-haiku-20240307", 0.25, 1.25), ("claude-3-5-sonnet-latest", 3, 15),
            ("claude-sonnet-4-20250514", 3, 15),
            ("claude-opus-4-1-20250805", 15, 75), ("claude-opus-4-20250514", 15, 75), ("claude-opus-4-0", 15, 75),
            ("claude-opus-4-5-20251101", 5, 25), ("claude-sonnet-4-5", 3, 15), ("claude-sonnet-4-5@20250929", 3, 15),
            ("claude-sonnet-4-6", 3, 15), ("claude-haiku-4-5-20251001", 1, 5), ("gpt-4o-2024-11-20", 2.5, 10),
            ("gpt-4o-2024-05-13", 5, 15), ("gpt-4o-mini", 0.15, 0.6), ("gpt-4.1-nano-2025-04-14", 0.1, 0.4),
            ("o1", 15, 60),
            ("o3", 2, 8), ("o3-mini", 1.1, 4.4), ("o4-mini", 1.1, 4.4), ("gpt-5", 1.25, 10), ("gpt-5-mini", 0.25, 2),
            ("gpt-5.1-codex", 1.25, 10), ("gpt-5.2-2025-12-11", 1.75, 14),
        ])
    func listPrices(model: String, input: Double, output: Double) throws {
        let price = try #require(try PriceBook.builtIn.price(of: model, at: day("2026-05-11")))
        #expect((price.input, price.output) == (input, output))
    }

    @Test("context windows are known")
    func contextTokens() {
        #expect(PriceBook.builtIn.contextTokens(of: "claude-haiku-4-5-20251001") == 200_000)
        #expect(PriceBook.builtIn.contextTokens(of: "gpt-4o") == 128_000)
        #expect(PriceBook.builtIn.contextTokens(of: "no-such-model") == nil)
    }

    // MARK: - Finding

    @Test(
        "a model is found by its name and a date, and by nothing else",
        arguments: [
            ("m", 1.0), ("m-20250929", 1), ("m-2025-09-29", 1), ("m@20250929", 1), ("m-latest", 1), ("other", 1),
            ("other-20250101", 1), ("m-mini", 2), ("m-mini-latest", 2), ("m-20240101", 3), ("m-large", nil),
            ("m-", nil),
            ("m-1", nil), ("m-2025092", nil), ("m-202509299", nil), ("m20250929", nil), ("m-2025-09-2x", nil),
            ("m@latest", nil), ("m@2025-09-29", nil), ("M", nil), ("", nil), ("-latest", nil), ("m-mini-large", nil),
            ("m-latest-latest", nil), ("m-20250929-latest", nil),
        ] as [(String, Double?)])
    func finding(model: String, input: Double?) throws {
        let book = try book(
            #"{"model": "m", "aliases": ["other"], "input": 1, "output": 1}"#,
            #"{"model": "m-mini", "input": 2, "output": 2}"#,
            #"{"model": "m-20240101", "input": 3, "output": 3}"#)
        #expect(try book.price(of: model, at: day("2026-01-01"))?.input == input)
    }

    @Test("the newest price that holds already counts")
    func dated() throws {
        let book = try book(
            #"{"model": "m", "from": "2025-06-10", "input": 2, "output": 8}"#,
            #"{"model": "m", "from": "2025-04-16", "input": 10, "output": 40, "context_tokens": 5}"#)
        #expect(try book.price(of: "m", at: day("2025-04-15")) == nil)
        #expect(try book.price(of: "m", at: day("2025-04-16"))?.input == 10)
        #expect(try book.price(of: "m", at: day("2025-06-09"))?.input == 10)
        #expect(try book.price(of: "m", at: day("2025-06-10"))?.input == 2)
        #expect(book.contextTokens(of: "m") == 5)
    }

    // MARK: - Overriding

    @Test("another book's entries win, model by model")
    func overriding() throws {
        let base = try book(
            #"{"model": "a", "aliases": ["x", "y"], "from": "2025-01-01", "input": 1, "output": 1,"#
                + #" "context_tokens": 9}"#,
            #"{"model": "b", "input": 2, "output": 2}"#)
        let other = try book(
            #"{"model": "a", "input": 5, "output": 5}"#, #"{"model": "c", "aliases": ["y"], "input": 7, "output": 7}"#)
        let book = base.overridden(by: other)
        let now = try day("2026-01-01")
        let found = ["a", "x", "y", "b", "c"].map { book.price(of: $0, at: now)?.input }
        #expect(found == [5, 5, 7, 2, 7])
        #expect(book.contextTokens(of: "a") == 9)
        #expect(book.models.map(\.id) == ["a", "b", "c"])
        #expect(base.price(of: "a", at: now)?.input == 1)
        #expect(PriceBook().overridden(by: base).models == base.models)
    }

    // MARK: - Reading

    @Test("prices of cached tokens are those of input unless given")
    func defaults() throws {
        let book = try book(
            #"{"model": "a", "input": 3, "output": 15}"#,
            #"{"model": "b", "input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}"#)
        let now = try day("2026-01-01")
        #expect(book.price(of: "a", at: now) == Price(input: 3, output: 15, cacheRead: 3, cacheWrite: 3))
        #expect(book.price(of: "b", at: now) == Price(input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75))
    }

    @Test(
        "bad data is refused with the place",
        arguments: [
            ("{", "prices"), ("[]", "prices"), ("{}", "prices"), (#"{"prices": 1}"#, "prices"),
            (#"{"prices": [], "price": 1}"#, "price"), (#"{"prices": [1]}"#, "prices[0]"),
            (#"{"prices": [{"input": 1, "output": 1}]}"#, "prices[0].model"),
            (#"{"prices": [{"model": "", "input": 1, "output": 1}]}"#, "prices[0].model"),
            (#"{"prices": [{"model": "m", "output": 1}]}"#, "prices[0].input"),
            (#"{"prices": [{"model": "m", "input": "1", "output": 1}]}"#, "prices[0].input"),
            (#"{"prices": [{"model": "m", "input": -1, "output": 1}]}"#, "prices[0].input"),
            (#"{"prices": [{"model": "m", "input": 1, "output": NaN}]}"#, "prices[0].output"),
            (#"{"prices": [{"model": "m", "input": 1, "output": 1e9}]}"#, "prices[0].output"),
            (#"{"prices": [{"model": "m", "input": 1, "output": 1, "cache_read": null}]}"#, "prices[0].cache_read"),
            (#"{"prices": [{"model": "m", "input": 1, "output": 1, "cacheread": 1}]}"#, "prices[0].cacheread"),
            (#"{"prices": [{"model": "m", "input": 1, "output": 1, "from": "2025-02-30"}]}"#, "prices[0].from"),
            (#"{"prices": [{"model": "m", "input": 1, "output": 1, "from": 2025}]}"#, "prices[0].from"),
            (#"{"prices": [{"model": "m", "input": 1, "output": 1, "aliases": "x"}]}"#, "prices[0].aliases"),
            (#"{"prices": [{"model": "m", "input": 1, "output": 1, "aliases": ["x", 1]}]}"#, "prices[0].aliases[1]"),
            (
                #"{"prices": [{"model": "m", "input": 1, "output": 1, "context_tokens": 0}]}"#,
                "prices[0].context_tokens"
            ),
            (
                #"{"prices": [{"model": "m", "input": 1, "output": 1}, {"model": "m", "input": 2, "output": 2}]}"#,
                "prices[1].from"
            ),
            (
                #"{"prices":[{"model":"m","input":1,"output":1},{"model":"n","aliases":["m"],"input":2,"output":2}]}"#,
                "prices[1].aliases"
            ),
        ])
    func refused(json: String, path: String) {
        let error = #expect(throws: AgentOSError.self) { try PriceBook(json: Array(json.utf8)) }
        #expect(error?.details.map(\.path) == [path])
    }

    // MARK: - Cost

    @Test("a call costs the sum of its four classes")
    func cost() {
        let price = Price(input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75)
        let usage = TokenUsage(input: 1000, output: 200, cacheRead: 50_000, cacheCreation: 4000)
        #expect(price.cost(of: usage) == Money(nanoUSD: 36_000_000))
        #expect(price.cost(of: TokenUsage()) == .zero)
        #expect(price.cost(of: TokenUsage(input: -5, output: 1)) == Money(nanoUSD: 15_000))
        #expect(
            Price(input: 0.05, output: 0, cacheRead: 0, cacheWrite: 0).cost(of: TokenUsage(input: 1))
                == Money(nanoUSD: 50))
        #expect(price.cost(of: TokenUsage(input: .max)).nanoUSD == .max)
    }
}
