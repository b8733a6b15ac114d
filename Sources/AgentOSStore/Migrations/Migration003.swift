extension Migration {
    /// The control plane: folders, versions, members, records of who did what, figures by day, retention.
    static let controlPlane = Migration(version: 3, name: "control plane") { d in
        peopleTables(d) + versionTables(d) + auditTables(d) + notificationTables(d) + rollupTables(d)
            + searchTables(d)
    }
}
