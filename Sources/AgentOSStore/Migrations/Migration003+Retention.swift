extension Migration {
    /// How long a workspace keeps things.
    static func retentionTables(_ d: Dialect) -> [String] {
        []
    }
}
