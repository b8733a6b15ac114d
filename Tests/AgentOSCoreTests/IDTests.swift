import AgentOSCore
import Testing

@Suite struct IDTests {
    @Test("an id is read in either case and written in lower case")
    func text() throws {
        let id = try #require(RunID("0190A3F2-1B2C-7D3E-8F40-5162738495A6"))
        #expect("\(id)" == "0190a3f2-1b2c-7d3e-8f40-5162738495a6")
        #expect(UUIDBits(bytes: id.bits.bytes) == id.bits)
    }

    @Test(
        "a text that is not a canonical UUID is no id",
        arguments: [
            "", "0190a3f21b2c7d3e8f405162738495a6", "0190a3f2-1b2c-7d3e-8f40-5162738495a",
            "{0190a3f2-1b2c-7d3e-8f40-5162738495a6}",
            "0190a3f2-1b2c-7d3e-8f40-5162738495a6 ", "0190a3f2-1b2c-7d3e-8f40-5162738495ag",
            "0190a3f2_1b2c-7d3e-8f40-5162738495a6",
            "0190a3f2-1b2c7-d3e-8f40-5162738495a6", "0190a3f2-1b2c-7d3e-8f40-5162738495ä",
        ])
    func malformed(text: String) { #expect(UUIDBits(text) == nil) }

    @Test("a new id is a version 7 UUID that carries its millisecond")
    func version7() {
        let time = Timestamp(microseconds: 1_778_529_600_123_456)
        let text = RunID.new(at: time).bits.text
        let parts = text.split(separator: "-").map(String.init)
        #expect(UInt64(parts[0] + parts[1], radix: 16) == 1_778_529_600_123)
        #expect(parts[2].hasPrefix("7"))
        #expect("89ab".contains(parts[3].prefix(1)))
    }

    @Test("ids of later milliseconds sort behind, and those of one millisecond differ")
    func order() {
        let first = UUIDBits.v7(at: Timestamp(microseconds: 1_000_000))
        let second = UUIDBits.v7(at: Timestamp(microseconds: 1_001_000))
        #expect(first < second)
        let many = Set((0..<2000).map { _ in UUIDBits.v7(at: Timestamp(microseconds: 0)) })
        #expect(many.count == 2000)
    }

    @Test("a derived id depends on parent and number alone, and is a version 8 UUID")
    func derived() {
        let parent = UUIDBits(high: 0x0190_a3f2_1b2c_7d3e, low: 0x8f40_5162_7384_95a6)
        let other = UUIDBits(high: 0x0190_a3f2_1b2c_7d3e, low: 0x8f40_5162_7384_95a7)
        let ids = (0..<5000).map { UUIDBits.derived(from: parent, number: $0) }
        #expect(ids == (0..<5000).map { UUIDBits.derived(from: parent, number: $0) })
        #expect(Set(ids + (0..<5000).map { UUIDBits.derived(from: other, number: $0) }).count == 10_000)
        let parts = ids[17].text.split(separator: "-")
        #expect(parts[2].hasPrefix("8"))
        #expect("89ab".contains(parts[3].prefix(1)))
    }
}
