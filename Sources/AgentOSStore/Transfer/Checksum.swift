import Crypto

/// SHA-256 over bytes that come in pieces.
public struct Checksum {
    private var hash = SHA256()

    public init() {}

    public mutating func add(_ bytes: some Sequence<UInt8>) {
        let fast: Void? = bytes.withContiguousStorageIfAvailable {
            hash.update(bufferPointer: UnsafeRawBufferPointer($0))
        }
        if fast == nil { hash.update(data: Array(bytes)) }
    }

    /// 64 lower-case hex digits.
    public var hex: String {
        hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
