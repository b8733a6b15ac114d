// The floor: a bare SQLite loop without a server, for the same events with the same durability.
//
// A row an event, keyed (run, seq), WAL with synchronous=FULL, over interleaved runs, in groups of 32 batches of 50.
#include "event.h"

#include <sqlite3.h>
#include <sys/stat.h>

static const char USAGE[] =
    "floor --file DATABASE [options]    (the file must not exist)\n"
    "  --seconds N   how long            (30)\n"
    "  --events N    instead: so many\n"
    "  --runs N      interleaved runs    (200)\n"
    "  --group N     rows a transaction  (1600)\n"
    "  --batch N     rows of one run in a row (50)\n"
    "  --bare        the row without the heading\n";

static void run_sql(sqlite3 *db, const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) die("%s: %s", sql, message);
}

static double file_mb(const char *path, const char *suffix) {
    char full[4096];
    struct stat s;
    snprintf(full, sizeof full, "%s%s", path, suffix);
    return stat(full, &s) == 0 ? (double)s.st_size / 1e6 : 0;
}

int main(int argc, char **argv) {
    const char *path = option(argc, argv, "--file", NULL);
    if (!path || access(path, F_OK) == 0) {
        fputs(USAGE, stderr);
        return 2;
    }
    seed_from_clock();
    prepare_events();
    int runs = atoi(option(argc, argv, "--runs", "200"));
    int group = atoi(option(argc, argv, "--group", "1600")), batch = atoi(option(argc, argv, "--batch", "50"));
    double seconds = atof(option(argc, argv, "--seconds", "30"));
    uint64_t wanted = strtoull(option(argc, argv, "--events", "0"), NULL, 10);
    RunClock *clocks = malloc((size_t)runs * sizeof *clocks);
    int64_t *sequence = calloc((size_t)runs, sizeof *sequence);
    for (int i = 0; i < runs; i++) clocks[i] = new_run_clock();

    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK) die("%s: %s", path, sqlite3_errmsg(db));
    run_sql(db, "PRAGMA journal_mode=WAL");
    run_sql(db, "PRAGMA synchronous=FULL");
    run_sql(db, "CREATE TABLE events(run INTEGER, seq INTEGER, body TEXT, PRIMARY KEY(run, seq)) WITHOUT ROWID");
    sqlite3_stmt *insert;
    if (sqlite3_prepare_v2(db, "INSERT INTO events VALUES (?1, ?2, ?3)", -1, &insert, NULL) != SQLITE_OK)
        die("%s", sqlite3_errmsg(db));

    Latencies commits = {0};
    uint64_t rows = 0, start = now_us(), now = start;
    char event[EVENT_ROOM];
    int run = 0;
    while (wanted ? rows < wanted : (double)(now - start) < seconds * 1e6) {
        uint64_t began = now;
        run_sql(db, "BEGIN IMMEDIATE");
        for (int i = 0; i < group; i++) {
            if (i && i % batch == 0) run = (run + 1) % runs;
            int length = write_event(event, &clocks[run], 0);
            sqlite3_bind_int64(insert, 1, run + 1);
            sqlite3_bind_int64(insert, 2, ++sequence[run]);
            sqlite3_bind_text(insert, 3, event, length, SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE) die("%s", sqlite3_errmsg(db));
            sqlite3_reset(insert);
        }
        run = (run + 1) % runs;
        run_sql(db, "COMMIT");
        rows += (uint64_t)group;
        now = now_us();
        note(&commits, now - began);
    }
    double took = (double)(now - start) / 1e6;
    double wal = file_mb(path, "-wal");
    sqlite3_finalize(insert);
    sqlite3_close(db);
    sort_latencies(&commits);
    if (!flag(argc, argv, "--bare"))
        printf("%10s %10s %10s %10s %12s %8s\n", "rows/s", "commits/s", "p50 ms", "p99 ms", "MB/M events", "WAL MB");
    printf("%10.0f %10.1f %10.2f %10.2f %12.1f %8.1f\n", (double)rows / took, (double)commits.count / took,
           percentile(&commits, 50), percentile(&commits, 99), file_mb(path, "") * 1e6 / (double)rows, wal);
    return 0;
}
