extension Migration {
    /// Words of ended runs. `search_queue` names the runs that are not in the index yet.
    static func searchTables(_ d: Dialect) -> [String] {
        [
            d.wordIndex("run_search", ["body", "keys"]),
            "CREATE TABLE search_queue (run_key \(d.integerKey))",
            "INSERT INTO search_queue (run_key) SELECT key FROM runs WHERE completed_at IS NOT NULL",
        ]
    }
}
