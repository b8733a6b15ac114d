extension Migration {
    /// Who is told by HTTP, and who may start runs by it.
    static func webhookTables(_ d: Dialect) -> [String] {
        []
    }
}
