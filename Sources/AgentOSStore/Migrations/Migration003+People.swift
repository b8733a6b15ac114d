extension Migration {
    /// Folders and invites.
    static func peopleTables(_ d: Dialect) -> [String] {
        []
    }
}
