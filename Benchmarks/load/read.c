// Reading back: pages through runs with runs_get_events and checks that no sequence number is missing.
#include "bench.h"

static const char USAGE[] =
    "read --url HOST:PORT --key WORKSPACE_KEY --runs FILE [options]    (FILE: a run id a line)\n"
    "  --limit N   events a page                                            (5000)\n"
    "  --first N   only first pages: N runs picked at random, latencies\n"
    "  --bare      rows without the heading\n";

static Response answer;

static void ask(int fd, const Target *target, const char *key, const char *run, int limit, long after) {
    char body[160];
    snprintf(body, sizeof body, "{\"run_id\": \"%s\", \"limit\": %d, \"after_sequence\": %ld}", run, limit, after);
    int status = post(fd, target, "/api/v1/rpc/runs_get_events", key, body, &answer);
    if (status != 200) die("runs_get_events answered %d: %.300s", status, answer.body.bytes);
}

// Counts the page's events and checks that their numbers go up by one from `after`.
static long check_page(long after) {
    static const char NAME[] = "\"sequence_number\":";
    const char *at = answer.body.bytes, *end = at + answer.body.length;
    while ((at = memmem(at, (size_t)(end - at), NAME, sizeof NAME - 1))) {
        at += sizeof NAME - 1;
        long number = strtol(at, NULL, 10);
        if (number != after + 1) die("event %ld follows event %ld", number, after);
        after = number;
    }
    return after;
}

int main(int argc, char **argv) {
    const char *url = option(argc, argv, "--url", NULL), *key = option(argc, argv, "--key", NULL);
    const char *path = option(argc, argv, "--runs", NULL);
    if (!url || !key || !path) {
        fputs(USAGE, stderr);
        return 2;
    }
    seed_from_clock();
    FILE *file = fopen(path, "r");
    if (!file) die("%s: %s", path, strerror(errno));
    char (*runs)[37] = NULL;
    size_t count = 0;
    char line[128];
    while (fgets(line, sizeof line, file)) {
        runs = realloc(runs, (count + 1) * sizeof *runs);
        snprintf(runs[count++], 37, "%.36s", line);
    }
    fclose(file);
    if (!count) die("%s: no runs in it", path);

    Target target = parse_target(url);
    int fd = connect_to(&target);
    int limit = atoi(option(argc, argv, "--limit", "5000")), first = atoi(option(argc, argv, "--first", "0"));
    Latencies pages = {0}, firsts = {0};
    uint64_t events = 0, bytes = 0, start = now_us();
    if (first) {
        for (int i = 0; i < first; i++) {
            uint64_t began = now_us();
            ask(fd, &target, key, runs[next_random() % count], limit, 0);
            note(&pages, now_us() - began);
            bytes += answer.body.length;
            events += (uint64_t)check_page(0);
        }
        sort_latencies(&pages);
        if (!flag(argc, argv, "--bare"))
            printf("%10s %8s %10s %8s %8s %8s\n", "limit", "pages", "events", "p50 ms", "p99 ms", "max ms");
        printf("%10d %8d %10llu %8.2f %8.2f %8.2f\n", limit, first, (unsigned long long)events, percentile(&pages, 50),
               percentile(&pages, 99), percentile(&pages, 100));
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        for (long after = 0;;) {
            uint64_t began = now_us();
            ask(fd, &target, key, runs[i], limit, after);
            uint64_t took = now_us() - began;
            note(after ? &pages : &firsts, took);
            bytes += answer.body.length;
            long reached = check_page(after);
            events += (uint64_t)(reached - after);
            if (reached - after < limit) break;
            after = reached;
        }
    }
    double seconds = (double)(now_us() - start) / 1e6;
    sort_latencies(&pages);
    sort_latencies(&firsts);
    if (!flag(argc, argv, "--bare"))
        printf("%10s %10s %10s %8s %14s %11s %11s\n", "limit", "events", "events/s", "MB/s", "first page ms", "page p50 ms",
               "page p99 ms");
    printf("%10d %10llu %10.0f %8.1f %14.2f %11.2f %11.2f\n", limit, (unsigned long long)events, (double)events / seconds,
           (double)bytes / 1e6 / seconds, percentile(&firsts, 50), percentile(&pages, 50), percentile(&pages, 99));
    return 0;
}
