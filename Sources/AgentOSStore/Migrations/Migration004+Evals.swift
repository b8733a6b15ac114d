extension Migration {
    /// Cases that an agent has to pass.
    static func evalTables(_ d: Dialect) -> [String] {
        []
    }
}
