import AgentOSCore
import AgentOSWire
import Foundation
import Testing

@Suite struct GunzipTests {
    /// `{"a":1}` by gzip and by zlib.
    private static let packed: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 84, 178, 50, 172, 5, 0, 175, 172, 27, 86, 7, 0, 0, 0,
    ]
    private static let zlib: [UInt8] = [120, 156, 171, 86, 74, 84, 178, 50, 172, 5, 0, 8, 42, 2, 9]

    /// 8 MiB of zeros, packed twice.
    private static let bomb = """
        H4sIAAAAAAACA+3XsQ2CQACF4TsuJhdGsCEm7sAEzsEqJJQ2DuAOLGDDCrSsQBhBPMbAfF/11697zTOHQ5XWKcYS/es7brkOAAAA
        wJ/rlyFVR9z2rr3bAwAAAE7gfXl85mu59eEH2xnUp+8fAAA=
        """

    private func unpack(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> [UInt8] {
        try bytes.withUnsafeBytes { try Gunzip.unpack($0, limit: limit) }
    }

    @Test("a gzip body is unpacked")
    func unpacking() throws { #expect(try unpack(Self.packed) == Array(#"{"a":1}"#.utf8)) }

    @Test("a zlib body is not taken for gzip")
    func notGzip() throws {
        #expect(#expect(throws: AgentOSError.self) { try unpack(Self.zlib) }?.code == .validation)
    }

    @Test("a body of exactly the limit passes, one byte more does not")
    func limit() throws {
        #expect(try unpack(Self.packed, limit: 7).count == 7)
        let error = #expect(throws: AgentOSError.self) { try unpack(Self.packed, limit: 6) }
        #expect(error?.code == .payloadTooLarge)
    }

    @Test("a small body that unpacks to much is refused")
    func bomb() throws {
        let outer = try #require(Data(base64Encoded: Self.bomb, options: .ignoreUnknownCharacters))
        let inner = try unpack(Array(outer))
        #expect(inner.count < 10_000)
        #expect(#expect(throws: AgentOSError.self) { try unpack(inner) }?.code == .payloadTooLarge)
        #expect(try unpack(inner, limit: 8 << 20).count == 8 << 20)
    }

    @Test(
        "what is cut off, damaged or no gzip at all is refused",
        arguments: [
            [], [31], Array(packed.dropLast()), Array(packed.prefix(14)), packed + [0], packed + packed,
            Array("{}".utf8), [31, 139, 9, 0],
            packed.enumerated().map { $0.offset == 20 ? $0.element ^ 1 : $0.element },
        ] as [[UInt8]])
    func refused(bytes: [UInt8]) {
        #expect(#expect(throws: AgentOSError.self) { try unpack(bytes) }?.code == .validation)
    }
}
