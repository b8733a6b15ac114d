extension Migration {
    /// The cost of counts given at a run's end; jobs looked for by kind.
    static let placesOfJobs = Migration(version: 8, name: "places of jobs") { d in
        [
            "ALTER TABLE run_counters ADD COLUMN given_cost \(d.integer)",
            // Each kind has places of its own, so each looks for what is due by itself.
            "DROP INDEX jobs_due",
            "CREATE INDEX jobs_due ON jobs (kind, run_at) WHERE parked_at IS NULL AND lease_until IS NULL",
        ]
    }
}
