extension Migration {
    /// When agents run by themselves.
    static func scheduleTables(_ d: Dialect) -> [String] {
        []
    }
}
