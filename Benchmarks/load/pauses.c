// Runs that wait for a person: begins many, then answers some of them in random order. A process a connection.
#include <sys/mman.h>
#include <sys/wait.h>

#include "bench.h"

static const char USAGE[] = "pauses --url HOST:PORT --key WORKSPACE_KEY --agent AGENT_ID --file IDS (--begin N | --answer N) [--connections N]\n";

static Target target;
static const char *key, *agent, *file;
static uint32_t *took;   // microseconds of each answer, written by all processes

static void begin(int number) {
    static Response answer;
    char path[128];
    snprintf(path, sizeof path, "/api/v1/agents/%s/invoke", agent);
    int fd = connect_to(&target);
    Buffer ids = {0};
    for (int i = 0; i < number; i++) {
        char run[38];
        int status = post(fd, &target, path, key, "{\"input\": {\"message\": \"go\"}}", &answer);
        if (status != 202 || !string_member(answer.body.bytes, "run_id", run, 37))
            die("invoke answered %d: %.300s", status, answer.body.length ? answer.body.bytes : "");
        strcat(run, "\n");
        append(&ids, run, strlen(run));
    }
    // All in one write: lines of several processes must not mix.
    int out = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (out < 0 || write(out, ids.bytes, ids.length) != (ssize_t)ids.length) die("%s: %s", file, strerror(errno));
    close(out);
}

static void reply(char (*runs)[40], int first, int step, int number) {
    static Response answer;
    int fd = connect_to(&target);
    for (int i = first; i < number; i += step) {
        char path[128];
        snprintf(path, sizeof path, "/api/v1/runs/%s/human-input", runs[i]);
        uint64_t began = now_us();
        int status = post(fd, &target, path, key, "{\"response\": \"yes\"}", &answer);
        took[i] = (uint32_t)(now_us() - began);
        if (status != 200) die("the answer to a question was answered %d: %.300s", status, answer.body.length ? answer.body.bytes : "");
    }
}

int main(int argc, char **argv) {
    const char *url = option(argc, argv, "--url", NULL);
    key = option(argc, argv, "--key", NULL), agent = option(argc, argv, "--agent", ""), file = option(argc, argv, "--file", NULL);
    int beginning = atoi(option(argc, argv, "--begin", "0")), answering = atoi(option(argc, argv, "--answer", "0"));
    int connections = atoi(option(argc, argv, "--connections", "32"));
    if (!url || !key || !file || (!beginning && !answering)) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    target = parse_target(url);
    char (*runs)[40] = NULL;
    int known = 0;
    if (answering) {
        FILE *in = fopen(file, "r");
        if (!in) die("%s: %s", file, strerror(errno));
        runs = calloc(1000000, sizeof *runs);
        while (known < 1000000 && fscanf(in, "%39s", runs[known]) == 1) known++;
        fclose(in);
        for (int i = known - 1; i > 0; i--) {
            int j = (int)(next_random() % (uint64_t)(i + 1));
            char keep[40];
            memcpy(keep, runs[i], 40), memcpy(runs[i], runs[j], 40), memcpy(runs[j], keep, 40);
        }
        if (answering > known) answering = known;
        // Those that are answered now will not be answered again.
        FILE *out = fopen(file, "w");
        for (int i = answering; out && i < known; i++) fprintf(out, "%s\n", runs[i]);
        if (out) fclose(out);
    }
    took = mmap(NULL, sizeof *took * (size_t)(answering + 1), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (took == MAP_FAILED) die("out of memory");
    uint64_t start = now_us();
    for (int i = 0; i < connections; i++) {
        if (fork() != 0) continue;
        if (beginning) begin(beginning / connections + (i < beginning % connections));
        else reply(runs, i, connections, answering);
        _exit(0);
    }
    int status, failed = 0;
    while (wait(&status) > 0) failed += status != 0;
    double seconds = (double)(now_us() - start) / 1e6;
    int done = beginning ? beginning : answering;
    if (failed) die("%d of %d connections failed", failed, connections);
    printf("%s %d at %d connections in %.1f s: %.0f/s", beginning ? "paused" : "answered", done, connections, seconds, done / seconds);
    if (answering) {
        Latencies all = {0};
        for (int i = 0; i < answering; i++) note(&all, took[i]);
        sort_latencies(&all);
        printf(", p50 %.1f ms, p99 %.1f ms, all 200, in random order", percentile(&all, 50), percentile(&all, 99));
    }
    printf("\n");
    return 0;
}
