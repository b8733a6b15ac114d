/// Whether the server takes new data, whoever brings it: reports, new runs, files.
///
/// What ends, deletes or reads is not asked; nor are runs that a run begins, which belong to one that was taken.
public struct Admission: Sendable {
    public let disk: DiskWatch
    public let committer: GroupCommit

    public init(disk: DiskWatch, committer: GroupCommit) {
        self.disk = disk
        self.committer = committer
    }

    /// - Throws: 503 when the disk is nearly full, RATE_LIMITED when too much waits to be written.
    public func check() throws {
        try disk.admit()
        try committer.admit()
    }
}
