import AgentOSCore
import CZstd
import Synchronization

/// Compression of chunks. Contexts are kept, since making one costs more than using it.
enum Zstd {
    /// For chunks on their way in: speed first.
    static let ingestLevel: Int32 = 1
    /// For segments of ended runs: read often, written once.
    static let mergeLevel: Int32 = 6

    // @unchecked: each context is used by one caller at a time, between take and give.
    private struct Kept: @unchecked Sendable {
        var compressors: [OpaquePointer] = []
        var decompressors: [OpaquePointer] = []
    }

    private static let kept = Mutex(Kept())
    private static let keptBound = 8

    static func compress(_ input: [UInt8], level: Int32) throws -> [UInt8] {
        guard let context = kept.withLock({ $0.compressors.popLast() }) ?? ZSTD_createCCtx() else {
            throw StoreError.storage("out of memory")
        }
        defer {
            let spare = kept.withLock { state -> Bool in
                guard state.compressors.count < keptBound, level == ingestLevel else { return true }
                state.compressors.append(context)
                return false
            }
            if spare { ZSTD_freeCCtx(context) }
        }
        let bound = ZSTD_compressBound(input.count)
        var failed = false
        let out = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            let written = input.withUnsafeBytes {
                ZSTD_compressCCtx(context, buffer.baseAddress, bound, $0.baseAddress, $0.count, level)
            }
            failed = ZSTD_isError(written) != 0
            count = failed ? 0 : written
        }
        guard !failed else { throw StoreError.storage("compression failed") }
        // The array keeps its whole capacity otherwise, and batches wait in a queue bounded by what they really cost.
        return out.count * 2 < bound ? Array(out[...]) : out
    }

    /// - Parameter limit: refuses frames that claim to be larger, so that a damaged row cannot exhaust the memory.
    static func decompress(_ input: [UInt8], limit: Int = 256 << 20) throws -> [UInt8] {
        let size = input.withUnsafeBytes { ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
        guard size <= UInt64(limit) else { throw StoreError.damaged("an event chunk") }
        guard let context = kept.withLock({ $0.decompressors.popLast() }) ?? ZSTD_createDCtx() else {
            throw StoreError.storage("out of memory")
        }
        defer {
            let spare = kept.withLock { state -> Bool in
                guard state.decompressors.count < keptBound else { return true }
                state.decompressors.append(context)
                return false
            }
            if spare { ZSTD_freeDCtx(context) }
        }
        var failed = false
        let out = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            let written = input.withUnsafeBytes {
                ZSTD_decompressDCtx(context, buffer.baseAddress, Int(size), $0.baseAddress, $0.count)
            }
            failed = ZSTD_isError(written) != 0 || written != Int(size)
            count = failed ? 0 : written
        }
        guard !failed else { throw StoreError.damaged("an event chunk") }
        return out
    }
}
