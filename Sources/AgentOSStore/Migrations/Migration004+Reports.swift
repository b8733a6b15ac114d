extension Migration {
    /// Written reports.
    static func reportTables(_ d: Dialect) -> [String] {
        []
    }
}
