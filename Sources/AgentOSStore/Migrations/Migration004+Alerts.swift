extension Migration {
    /// Rules that raise an alarm.
    static func alertTables(_ d: Dialect) -> [String] {
        []
    }
}
