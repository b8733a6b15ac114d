extension Migration {
    /// Workspaces, people and keys; agents; runs with their log, journal, tasks and questions; conversations.
    static let initial = Migration(version: 1, name: "initial") { d in
        let (key, int, text, blob) = (d.integerKey, d.integer, d.text, d.blob)
        return [
            """
            CREATE TABLE workspaces (
              key \(key), id \(blob) NOT NULL UNIQUE, slug \(text) NOT NULL UNIQUE, name \(text) NOT NULL,
              created_at \(int) NOT NULL)
            """,
            """
            CREATE TABLE users (
              key \(key), id \(blob) NOT NULL UNIQUE, email \(text) NOT NULL UNIQUE, name \(text),
              password_hash \(text), created_at \(int) NOT NULL)
            """,
            """
            CREATE TABLE members (
              key \(key), id \(blob) NOT NULL UNIQUE,
              workspace_key \(int) NOT NULL REFERENCES workspaces(key), user_key \(int) NOT NULL REFERENCES users(key),
              role \(text) NOT NULL, created_at \(int) NOT NULL, UNIQUE (workspace_key, user_key))
            """,
            """
            CREATE TABLE agents (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL REFERENCES workspaces(key),
              name \(text) NOT NULL, role \(text), description \(text), status \(text) NOT NULL,
              runtime_type \(text) NOT NULL, provider_type \(text), model \(text), system_prompt \(text),
              temperature \(d.real), max_tokens \(int) NOT NULL, max_iterations \(int) NOT NULL,
              tools \(text) NOT NULL, tags \(text) NOT NULL, prompt_variables \(text) NOT NULL,
              input_schema \(text), output_schema \(text),
              created_at \(int) NOT NULL, updated_at \(int) NOT NULL, deleted_at \(int))
            """,
            "CREATE INDEX agents_by_workspace ON agents (workspace_key, key)",
            "CREATE INDEX agents_deleted ON agents (deleted_at) WHERE deleted_at IS NOT NULL",
            """
            CREATE TABLE api_keys (
              key \(key), id \(blob) NOT NULL UNIQUE, kind \(text) NOT NULL, digest \(blob) NOT NULL UNIQUE,
              prefix \(text) NOT NULL, name \(text) NOT NULL, workspace_key \(int), agent_key \(int), user_key \(int),
              created_at \(int) NOT NULL, last_used_at \(int), revoked_at \(int))
            """,
            "CREATE INDEX api_keys_by_workspace ON api_keys (workspace_key, key)",
            "CREATE INDEX api_keys_by_agent ON api_keys (agent_key) WHERE agent_key IS NOT NULL",
            """
            CREATE TABLE runs (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, agent_key \(int) NOT NULL,
              status \(text) NOT NULL, trigger_type \(text) NOT NULL, hosted \(int) NOT NULL, is_test \(int) NOT NULL,
              external_run_id \(text), parent_key \(int), conversation_key \(int),
              started_at \(int) NOT NULL, completed_at \(int), duration_ms \(int), cancel_reason \(text),
              error_message \(text), error_detail \(text), input \(text) NOT NULL, output \(text))
            """,
            "CREATE INDEX runs_by_workspace ON runs (workspace_key, key)",
            "CREATE INDEX runs_by_agent ON runs (agent_key, key)",
            """
            CREATE UNIQUE INDEX runs_by_external_id ON runs (agent_key, external_run_id)
              WHERE external_run_id IS NOT NULL
            """,
            "CREATE INDEX runs_by_conversation ON runs (conversation_key) WHERE conversation_key IS NOT NULL",
            "CREATE INDEX runs_open ON runs (workspace_key, key) WHERE completed_at IS NULL",
            // Small and often changed, apart from the run's texts.
            """
            CREATE TABLE run_counters (
              run_key \(key), event_count \(int) NOT NULL, error_count \(int) NOT NULL, newest_at \(int),
              span_count \(int) NOT NULL, span_input \(int) NOT NULL, span_output \(int) NOT NULL,
              span_cache_read \(int) NOT NULL, span_cache_creation \(int) NOT NULL,
              response_count \(int) NOT NULL, response_input \(int) NOT NULL, response_output \(int) NOT NULL,
              response_cache_read \(int) NOT NULL, response_cache_creation \(int) NOT NULL,
              given_input \(int), given_output \(int), given_cache_read \(int), given_cache_creation \(int),
              chunk_count \(int) NOT NULL, merged_at \(int))
            """,
            """
            CREATE TABLE event_chunks (
              id \(key), run_key \(int) NOT NULL, first_seq \(int) NOT NULL, count \(int) NOT NULL,
              min_time \(int) NOT NULL, max_time \(int) NOT NULL, flags \(int) NOT NULL,
              digests \(blob) NOT NULL, body \(blob) NOT NULL)
            """,
            "CREATE UNIQUE INDEX event_chunks_by_run ON event_chunks (run_key, first_seq)",
            // Ended runs whose log is worth merging.
            "CREATE TABLE merge_queue (run_key \(key), due_at \(int) NOT NULL)",
            "CREATE INDEX merge_queue_due ON merge_queue (due_at)",
            """
            CREATE TABLE run_steps (
              run_key \(int) NOT NULL, position \(int) NOT NULL, kind \(text) NOT NULL, payload \(text) NOT NULL,
              created_at \(int) NOT NULL, PRIMARY KEY (run_key, position))\(d.clustered)
            """,
            """
            CREATE TABLE tasks (
              key \(key), id \(blob) NOT NULL, run_key \(int) NOT NULL, name \(text) NOT NULL, status \(text) NOT NULL,
              input \(text), output \(text), error_message \(text), created_at \(int) NOT NULL, started_at \(int),
              completed_at \(int), UNIQUE (run_key, id))
            """,
            "CREATE INDEX tasks_by_id ON tasks (id)",
            """
            CREATE TABLE human_requests (
              key \(key), id \(blob) NOT NULL UNIQUE, run_key \(int) NOT NULL, status \(text) NOT NULL,
              prompt \(text) NOT NULL, context \(text), answer \(text), created_at \(int) NOT NULL,
              deadline_at \(int) NOT NULL, closed_at \(int))
            """,
            "CREATE INDEX human_requests_by_run ON human_requests (run_key, key)",
            """
            CREATE TABLE conversations (
              key \(key), id \(blob) NOT NULL UNIQUE, workspace_key \(int) NOT NULL, agent_key \(int) NOT NULL,
              external_user_id \(text), title \(text), message_count \(int) NOT NULL, busy_run_key \(int),
              created_at \(int) NOT NULL, last_message_at \(int) NOT NULL)
            """,
            "CREATE INDEX conversations_by_workspace ON conversations (workspace_key, last_message_at)",
            "CREATE INDEX conversations_by_agent ON conversations (agent_key, last_message_at)",
            """
            CREATE TABLE conversation_messages (
              conversation_key \(int) NOT NULL, position \(int) NOT NULL, role \(text) NOT NULL,
              content \(text) NOT NULL, run_key \(int), created_at \(int) NOT NULL,
              PRIMARY KEY (conversation_key, position))\(d.clustered)
            """,
            """
            CREATE TABLE provider_settings (
              workspace_key \(int) NOT NULL, provider \(text) NOT NULL, api_key \(blob), key_hint \(text),
              base_url \(text), created_at \(int) NOT NULL, updated_at \(int) NOT NULL,
              PRIMARY KEY (workspace_key, provider))
            """,
        ]
    }
}
