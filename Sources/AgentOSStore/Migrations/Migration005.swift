extension Migration {
    /// Jobs that people can look at: each names its workspace, where it has one.
    static let visibleJobs = Migration(version: 5, name: "visible jobs") { d in
        [
            "ALTER TABLE jobs ADD COLUMN workspace_key \(d.integer)",
            "CREATE INDEX jobs_by_workspace ON jobs (workspace_key, key) WHERE workspace_key IS NOT NULL",
        ]
    }
}
