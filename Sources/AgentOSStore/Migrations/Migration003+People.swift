extension Migration {
    /// Folders and invites.
    static func peopleTables(_ d: Dialect) -> [String] {
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            "CREATE INDEX api_keys_by_user ON api_keys (user_key) WHERE user_key IS NOT NULL",
            """
            CREATE TABLE folders (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, name \(text) NOT NULL,
              created_at \(int) NOT NULL, UNIQUE (workspace_key, name))
            """,
            "ALTER TABLE agents ADD COLUMN folder_key \(int)",
            "CREATE INDEX agents_by_folder ON agents (folder_key) WHERE folder_key IS NOT NULL",
            // One open invite an address; the link's token is kept as a digest.
            """
            CREATE TABLE invites (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, email \(text) NOT NULL,
              role \(text) NOT NULL, token_digest \(blob) NOT NULL UNIQUE, created_at \(int) NOT NULL,
              expires_at \(int) NOT NULL, accepted_at \(int))
            """,
            "CREATE UNIQUE INDEX invites_open ON invites (workspace_key, email) WHERE accepted_at IS NULL",
        ]
    }
}
