// Invoke load: hosted runs over keep-alive connections, plain or streamed. One thread, epoll.
#include "bench.h"

static const char USAGE[] =
    "invoke --url HOST:PORT --key KEY --agent AGENT_ID [options]\n"
    "  --connections 1,32  one row of the table each  (1,32)\n"
    "  --seconds N         how long each row takes    (10)\n"
    "  --stream            server-sent events; also reports the time to the first chunk of text\n"
    "  --pid PID           also report this process's memory\n"
    "  --bare              rows without the heading\n";

typedef struct {
    int fd;
    bool waiting, saw_chunk;
    uint64_t began;
    Response answer;
} Connection;

static Target target;
static const char *key, *agent;
static bool stream;
static uint64_t counter;

static bool has_frame(const Response *r, const char *type) {
    char tight[64], loose[64];
    snprintf(tight, sizeof tight, "\"type\":\"%s\"", type);
    snprintf(loose, sizeof loose, "\"type\": \"%s\"", type);
    return r->body.length && (strstr(r->body.bytes, tight) || strstr(r->body.bytes, loose));
}

static void next(Connection *c) {
    char path[128], body[256], request[2048];
    snprintf(path, sizeof path, "/api/v1/agents/%s/invoke", agent);
    snprintf(body, sizeof body, "{\"input\": {\"message\": \"Ticket %llu: say hello to %08x\"}%s}", (unsigned long long)++counter,
             (unsigned)next_random(), stream ? ", \"stream\": true" : "");
    size_t length = write_post(request, sizeof request, &target, path, key, body);
    response_reset(&c->answer);
    c->saw_chunk = false;
    c->waiting = true;
    c->began = now_us();
    if (!send_all(c->fd, request, length)) die("the server closed a connection");
}

static void scenario(int connections, double seconds, int pid) {
    int poll = epoll_create1(EPOLL_CLOEXEC);
    Connection *all = calloc((size_t)connections, sizeof *all);
    for (int i = 0; i < connections; i++) {
        all[i].fd = connect_to(&target);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &e);
    }
    Latencies whole = {0}, first = {0};
    uint64_t errors = 0, good = 0, start = now_us(), end = start + (uint64_t)(seconds * 1e6), last = start;
    int waiting = connections;
    for (int i = 0; i < connections; i++) next(&all[i]);
    struct epoll_event ready[256];
    while (waiting) {
        int n = epoll_wait(poll, ready, 256, 60000);
        if (n == 0) die("no answer within 60 s");
        for (int i = 0; i < n; i++) {
            Connection *c = ready[i].data.ptr;
            if (!response_receive(&c->answer, c->fd)) die("the server closed a connection");
            if (!c->waiting) continue;
            if (stream && !c->saw_chunk && has_frame(&c->answer, "chunk")) {
                c->saw_chunk = true;
                note(&first, now_us() - c->began);
            }
            if (!c->answer.complete) continue;
            last = now_us();
            c->waiting = false;
            waiting--;
            note(&whole, last - c->began);
            bool ok = c->answer.status == 200 && c->answer.body.length &&
                      (stream ? c->saw_chunk && has_frame(&c->answer, "done") : strstr(c->answer.body.bytes, "\"run_id\"") != NULL);
            if (ok) good++;
            else if (errors++ < 3)
                fprintf(stderr, "answer %d: %.400s\n", c->answer.status, c->answer.body.length ? c->answer.body.bytes : "");
            if (last < end) {
                next(c);
                waiting++;
            }
        }
    }
    sort_latencies(&whole);
    sort_latencies(&first);
    printf("%11d %10.0f %8.2f %8.2f %8.2f %8.2f %12.2f %12.2f %7llu", connections, (double)good * 1e6 / (double)(last - start),
           percentile(&whole, 50), percentile(&whole, 90), percentile(&whole, 99), percentile(&whole, 100),
           percentile(&first, 50), percentile(&first, 99), (unsigned long long)errors);
    if (pid) printf(" %7.1f", memory_mb(pid, "VmRSS"));
    printf("\n");
    fflush(stdout);
    for (int i = 0; i < connections; i++) {
        close(all[i].fd);
        free(all[i].answer.raw.bytes);
        free(all[i].answer.body.bytes);
    }
    free(all);
    free(whole.values);
    free(first.values);
    close(poll);
    if (errors) exit(1);
}

int main(int argc, char **argv) {
    const char *url = option(argc, argv, "--url", NULL);
    key = option(argc, argv, "--key", NULL);
    agent = option(argc, argv, "--agent", NULL);
    if (!url || !key || !agent) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    seed_from_clock();
    target = parse_target(url);
    stream = flag(argc, argv, "--stream");
    int pid = atoi(option(argc, argv, "--pid", "0"));
    if (!flag(argc, argv, "--bare"))
        printf("%11s %10s %8s %8s %8s %8s %12s %12s %7s%s\n", "connections", "invokes/s", "p50 ms", "p90 ms", "p99 ms", "max ms",
               "chunk p50 ms", "chunk p99 ms", "errors", pid ? "  RSS MB" : "");
    char list[256];
    snprintf(list, sizeof list, "%s", option(argc, argv, "--connections", "1,32"));
    for (char *save, *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save))
        scenario(atoi(item), atof(option(argc, argv, "--seconds", "10")), pid);
    return 0;
}
