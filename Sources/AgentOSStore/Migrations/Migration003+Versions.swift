extension Migration {
    /// Versions of agents.
    static func versionTables(_ d: Dialect) -> [String] {
        []
    }
}
