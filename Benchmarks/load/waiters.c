// Many who wait: open human-input long polls and open invoke streams at once, and what others notice of it.
//
// Reports the server's memory and the latency of ingest calls before and while they are open. The streams' agent must
// use a model that stays silent (model --hold).
#include "event.h"

static const char USAGE[] =
    "waiters --url HOST:PORT --pid PID --key KEY --agent REPORTED_AGENT_ID [options]\n"
    "  --polls N          open human-input requests     (1000)\n"
    "  --streams N        open invoke streams           (2000)\n"
    "  --stream-key KEY --stream-agent ID   of the hosted agent\n"
    "  --calls N          ingest calls measured         (500)\n";

typedef struct {
    int fd;
    bool poll, open, over;
    Response answer;
} Waiter;

static Target target;

static void measure(const char *label, int polls, int streams, const char *key, const char *agent, int calls, int pid) {
    static Response answer;
    static char body[64 + 50 * EVENT_ROOM];
    char run[37];
    int fd = connect_to(&target);
    start_run(fd, &target, key, agent, run);
    RunClock clock = new_run_clock();
    Latencies took = {0};
    for (int i = 0; i < calls; i++) {
        char *at = body + sprintf(body, "{\"run_id\": \"%s\", \"events\": [", run);
        for (int k = 0; k < 50; k++) {
            if (k) *at++ = ',', *at++ = ' ';
            at += write_event(at, &clock, 0);
        }
        strcpy(at, "]}");
        uint64_t began = now_us();
        int status = post(fd, &target, "/api/ingest/v1/events", key, body, &answer);
        note(&took, now_us() - began);
        if (status != 200) die("events answered %d: %s", status, answer.body.bytes);
    }
    close(fd);
    sort_latencies(&took);
    printf("%-12s %8d %8d %10.1f %14.2f %14.2f %14.2f\n", label, polls, streams, memory_mb(pid, "VmRSS"), percentile(&took, 50),
           percentile(&took, 99), percentile(&took, 100));
    fflush(stdout);
    free(took.values);
}

int main(int argc, char **argv) {
    const char *url = option(argc, argv, "--url", NULL), *key = option(argc, argv, "--key", NULL);
    const char *agent = option(argc, argv, "--agent", NULL);
    const char *stream_key = option(argc, argv, "--stream-key", NULL), *stream_agent = option(argc, argv, "--stream-agent", NULL);
    int pid = atoi(option(argc, argv, "--pid", "0"));
    int polls = atoi(option(argc, argv, "--polls", "1000")), streams = atoi(option(argc, argv, "--streams", "2000"));
    int calls = atoi(option(argc, argv, "--calls", "500"));
    if (!url || !key || !agent || !pid || (streams && (!stream_key || !stream_agent))) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    seed_from_clock();
    prepare_events();
    target = parse_target(url);
    printf("%-12s %8s %8s %10s %14s %14s %14s\n", "", "polls", "streams", "RSS MB", "ingest p50 ms", "ingest p99 ms", "ingest max ms");
    measure("before", 0, 0, key, agent, calls, pid);

    int total = polls + streams, setup = connect_to(&target), poll = epoll_create1(EPOLL_CLOEXEC);
    Waiter *all = calloc((size_t)total, sizeof *all);
    char path[128], body[256], request[2048], run[37];
    uint64_t began = now_us();
    int open_streams = 0, over = 0;
    struct epoll_event ready[256];
    for (int i = 0; i <= total || open_streams < streams;) {
        if (i < total) {
            Waiter *w = &all[i];
            w->poll = i < polls;
            w->fd = connect_to(&target);
            if (w->poll) {
                start_run(setup, &target, key, agent, run);
                snprintf(body, sizeof body, "{\"run_id\": \"%s\", \"prompt\": \"Go on?\", \"timeout_seconds\": 3600}", run);
                snprintf(path, sizeof path, "/api/ingest/v1/human-input/request");
            } else {
                snprintf(body, sizeof body, "{\"input\": {\"message\": \"stream %d\"}, \"stream\": true}", i);
                snprintf(path, sizeof path, "/api/v1/agents/%s/invoke", stream_agent);
            }
            size_t length = write_post(request, sizeof request, &target, path, w->poll ? key : stream_key, body);
            if (!send_all(w->fd, request, length)) die("the server closed a connection");
            struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};
            epoll_ctl(poll, EPOLL_CTL_ADD, w->fd, &e);
        }
        i++;
        if (now_us() - began > 120000000) die("only %d of %d streams open after 120 s", open_streams, streams);
        int n = epoll_wait(poll, ready, 256, i < total ? 0 : 100);
        for (int k = 0; k < n; k++) {
            Waiter *w = ready[k].data.ptr;
            bool alive = response_receive(&w->answer, w->fd);
            if (!w->poll && !w->open && w->answer.status == 200 && w->answer.body.length && strstr(w->answer.body.bytes, "chunk")) {
                w->open = true;
                open_streams++;
            }
            if ((!alive || w->answer.complete) && !w->over) {
                w->over = true;
                if (over++ < 3)
                    fprintf(stderr, "a %s ended early: %d %.300s\n", w->poll ? "poll" : "stream", w->answer.status,
                            w->answer.body.length ? w->answer.body.bytes : "");
            }
            if (!alive) epoll_ctl(poll, EPOLL_CTL_DEL, w->fd, NULL);
            // The receive buffers of 3,000 waiters need not stay.
            if (w->answer.decoded == w->answer.raw.length && w->answer.raw.capacity > 65536) {
                w->answer.raw.bytes = realloc(w->answer.raw.bytes, w->answer.raw.length + 1);
                w->answer.raw.capacity = w->answer.raw.length + 1;
            }
        }
    }
    printf("%-12s %d polls and %d streams in %.1f s\n", "opened", polls, open_streams, (double)(now_us() - began) / 1e6);
    measure("while open", polls, open_streams, key, agent, calls, pid);

    // Whoever was refused or dropped has been told by now.
    for (int n; (n = epoll_wait(poll, ready, 256, 0)) > 0;)
        for (int k = 0; k < n; k++) {
            Waiter *w = ready[k].data.ptr;
            bool alive = response_receive(&w->answer, w->fd);
            if ((!alive || w->answer.complete) && !w->over) w->over = true, over++;
            if (!alive) epoll_ctl(poll, EPOLL_CTL_DEL, w->fd, NULL);
        }
    if (over) die("%d of %d did not stay open", over, total);
    for (int i = 0; i < total; i++) close(all[i].fd);
    close(setup);
    measure("after", 0, 0, key, agent, calls, pid);
    return 0;
}
