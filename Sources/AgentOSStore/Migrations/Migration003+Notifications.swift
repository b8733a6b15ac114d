extension Migration {
    /// What members are told.
    static func notificationTables(_ d: Dialect) -> [String] {
        []
    }
}
