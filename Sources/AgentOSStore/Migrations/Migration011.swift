extension Migration {
    /// Keys are given out once: what still names a removed row must not find another one in its place. And what makes an
    /// invoke recognisable goes with its run.
    static let lastingKeys = Migration(version: 11, name: "lasting keys") { d in
        d.lastingKeys + [
            "DELETE FROM invocations WHERE run_key NOT IN (SELECT key FROM runs)",
            "CREATE INDEX invocations_by_run ON invocations (run_key)",
        ]
    }
}
