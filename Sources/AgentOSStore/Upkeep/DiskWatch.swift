import AgentOSCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Knows whether the disk still has room. Below the watermark new data is refused, so that runs can still be ended and
/// everything can still be read.
public final class DiskWatch: Sendable {
    private let path: String
    private let minimumFree: UInt64
    private let free: Atomic<UInt64>
    private let known = Atomic<Bool>(false)

    public init(path: String, minimumFreeBytes: UInt64) {
        self.path = path
        minimumFree = minimumFreeBytes
        free = Atomic(0)
        refresh()
    }

    /// Asks the file system again.
    public func refresh() {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { return }
        free.store(UInt64(info.f_bavail) * UInt64(info.f_frsize), ordering: .relaxed)
        known.store(true, ordering: .relaxed)
    }

    public var freeBytes: UInt64 { free.load(ordering: .relaxed) }

    public var isLow: Bool { known.load(ordering: .relaxed) && freeBytes < minimumFree }

    /// - Throws: 503 with Retry-After when the disk is nearly full.
    public func admit() throws {
        guard isLow else { return }
        throw AgentOSError(
            .unavailable,
            "The disk is nearly full (\(freeBytes >> 20) MiB left, \(minimumFree >> 20) MiB are kept free): "
                + "new data is refused until there is room.", retryAfter: 30)
    }
}
