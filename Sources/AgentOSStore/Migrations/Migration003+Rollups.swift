extension Migration {
    /// Figures by agent and day.
    static func rollupTables(_ d: Dialect) -> [String] {
        []
    }
}
