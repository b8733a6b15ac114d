extension Migration {
    /// Deliveries of a run in the order of their making.
    static let orderOfDeliveries = Migration(version: 9, name: "order of deliveries") { _ in
        [
            // Few at a time: what has not been tried yet.
            """
            CREATE INDEX deliveries_untried ON deliveries (run_key, hook_key, key)
              WHERE status = 'pending' AND attempts = 0
            """
        ]
    }
}
