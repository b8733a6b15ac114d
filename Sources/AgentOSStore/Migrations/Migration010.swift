extension Migration {
    /// Runs are found by their external ids too: what is in the index without them is indexed once more.
    static let searchedExternalIDs = Migration(version: 10, name: "searched external ids") { _ in
        [
            """
            INSERT INTO search_queue (run_key) SELECT key FROM runs
              WHERE completed_at IS NOT NULL AND external_run_id IS NOT NULL ON CONFLICT (run_key) DO NOTHING
            """
        ]
    }
}
