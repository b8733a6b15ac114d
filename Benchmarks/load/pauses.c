// Runs that wait for a person: begins many, then answers some of them in random order. A process a connection.
#include "bench.h"
#include <sys/wait.h>

static const char USAGE[] = "pauses --url HOST:PORT --key WORKSPACE_KEY --agent AGENT_ID --file IDS (--begin N | --answer N) [--connections N]\n";

static Target target;
static const char *key, *agent, *file;

static void begin(int number) {
    static Response answer;
    char path[128];
    snprintf(path, sizeof path, "/api/v1/agents/%s/invoke", agent);
    int fd = connect_to(&target);
    FILE *out = fopen(file, "a");
    if (!out) die("%s: %s", file, strerror(errno));
    for (int i = 0; i < number; i++) {
        char run[37];
        int status = post(fd, &target, path, key, "{\"input\": {\"message\": \"go\"}}", &answer);
        if (status != 202 || !string_member(answer.body.bytes, "run_id", run, sizeof run))
            die("invoke answered %d: %.300s", status, answer.body.length ? answer.body.bytes : "");
        fprintf(out, "%s\n", run);
    }
    fclose(out);
}

static void reply(char (*runs)[40], int first, int step, int number) {
    static Response answer;
    int fd = connect_to(&target);
    for (int i = first; i < number; i += step) {
        char path[128];
        snprintf(path, sizeof path, "/api/v1/runs/%s/human-input", runs[i]);
        int status = post(fd, &target, path, key, "{\"response\": \"yes\"}", &answer);
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
    printf("%s %d in %.1f s: %.0f/s%s\n", beginning ? "paused" : "answered in random order", done, seconds, done / seconds, failed ? ", SOME FAILED" : "");
    return failed ? 1 : 0;
}
