extension Migration {
    /// Who did what.
    static func auditTables(_ d: Dialect) -> [String] {
        []
    }
}
