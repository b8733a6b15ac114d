// Ingest load: batches of events over keep-alive connections, as the official client sends them.
//
// One thread, epoll. Runs are dealt out to the connections and taken in turn, so that a run has one batch in flight.
// Every answer must be 200 with "accepted" equal to the batch's size.
#include "event.h"

static const char USAGE[] =
    "ingest --url HOST:PORT --key KEY --agent AGENT_ID [options]\n"
    "  --connections 1,8,32,128  one row of the table each            (32)\n"
    "  --seconds N               how long each row takes              (30)\n"
    "  --events N                instead: until so many are accepted\n"
    "  --runs N                  interleaved runs                     (200)\n"
    "  --batch N                 events a request                     (50)\n"
    "  --spans SHARE             0..1, how many of the events are spans (0)\n"
    "  --pid PID                 also report this process's memory\n"
    "  --marks N                 a line after every N events: throughput since the last, memory\n"
    "  --complete                end the runs when done\n"
    "  --write-runs FILE         append the ids of the runs\n"
    "  --bare                    rows without the heading\n";

typedef struct {
    int fd, next_run;
    char *request;
    size_t length, sent;
    uint64_t began;
    bool waiting, wants_write;
    Response answer;
} Connection;

static Target target;
static const char *key, *agent;
static int run_count, batch, pid;
static unsigned spans;
static char (*run_ids)[37];
static RunClock *clocks;
static uint64_t bytes_sent;
static size_t head_length;
static size_t length_at;      // where the content-length digits end
static char head[1024];

enum { LENGTH_DIGITS = 9 };

static void prepare_head(void) {
    int n = snprintf(head, sizeof head, "POST /api/ingest/v1/events HTTP/1.1\r\nhost: %s:%d\r\n" SDK_HEADERS "authorization: Bearer %s\r\ncontent-length: %*s\r\n\r\n",
                     target.host, target.port, key, LENGTH_DIGITS, "");
    head_length = (size_t)n;
    length_at = head_length - 4;
}

static void build(Connection *c, int connections) {
    int run = c->next_run;
    c->next_run += connections;
    if (c->next_run >= run_count) c->next_run %= connections;
    char *start = c->request + head_length, *at = start;
    at += sprintf(at, "{\"run_id\": \"%s\", \"events\": [", run_ids[run]);
    for (int i = 0; i < batch; i++) {
        if (i) *at++ = ',', *at++ = ' ';
        at += write_event(at, &clocks[run], spans);
    }
    *at++ = ']', *at++ = '}';
    size_t body = (size_t)(at - start);
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%*zu", LENGTH_DIGITS, body);
    memcpy(c->request, head, head_length);
    memcpy(c->request + length_at - n, digits, (size_t)n);
    c->length = head_length + body;
    c->sent = 0;
}

static void pump(Connection *c, int poll) {
    while (c->sent < c->length) {
        ssize_t n = send(c->fd, c->request + c->sent, c->length - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) die("the server closed a connection: %s", strerror(errno));
        if (n < 0) break;
        c->sent += (size_t)n;
        bytes_sent += (uint64_t)n;
    }
    bool more = c->sent < c->length;
    if (more != c->wants_write) {
        struct epoll_event e = {.events = EPOLLIN | (more ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(poll, EPOLL_CTL_MOD, c->fd, &e);
        c->wants_write = more;
    }
}

static void next(Connection *c, int poll, int connections) {
    build(c, connections);
    response_reset(&c->answer);
    c->began = now_us();
    c->waiting = true;
    pump(c, poll);
}

static void scenario(int connections, double seconds, uint64_t wanted, uint64_t marks, bool complete, const char *runs_file) {
    if (connections > run_count) die("more connections than runs: a run may have one batch in flight only");
    int setup = connect_to(&target);
    for (int i = 0; i < run_count; i++) {
        start_run(setup, &target, key, agent, run_ids[i]);
        clocks[i] = new_run_clock();
    }
    if (runs_file) {
        FILE *file = fopen(runs_file, "a");
        if (!file) die("%s: %s", runs_file, strerror(errno));
        for (int i = 0; i < run_count; i++) fprintf(file, "%s\n", run_ids[i]);
        fclose(file);
    }
    int poll = epoll_create1(EPOLL_CLOEXEC);
    Connection *all = calloc((size_t)connections, sizeof *all);
    for (int i = 0; i < connections; i++) {
        Connection *c = &all[i];
        c->fd = connect_to(&target);
        set_nonblocking(c->fd);
        c->next_run = i;
        c->request = malloc(head_length + 256 + (size_t)batch * EVENT_ROOM);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &e);
    }
    Latencies latencies = {0};
    uint64_t accepted = 0, requests = 0, errors = 0, marked = 0, issued = 0;
    bytes_sent = 0;
    uint64_t start = now_us(), end = start + (uint64_t)(seconds * 1e6), last = start, mark_time = start;
    int waiting = 0;
    for (int i = 0; i < connections && (!wanted || issued < wanted); i++) {
        next(&all[i], poll, connections);
        issued += (uint64_t)batch;
        waiting++;
    }
    struct epoll_event ready[256];
    while (waiting) {
        int n = epoll_wait(poll, ready, 256, 60000);
        if (n == 0) die("no answer within 60 s");
        for (int i = 0; i < n; i++) {
            Connection *c = ready[i].data.ptr;
            if (ready[i].events & EPOLLOUT) pump(c, poll);
            if (!(ready[i].events & ~(uint32_t)EPOLLOUT)) continue;
            if (!response_receive(&c->answer, c->fd)) die("the server closed a connection");
            if (!c->waiting || !c->answer.complete) continue;
            last = now_us();
            c->waiting = false;
            waiting--;
            requests++;
            note(&latencies, last - c->began);
            if (c->answer.status == 200 && has_number(c->answer.body.bytes, "accepted", batch)) {
                accepted += (uint64_t)batch;
            } else if (errors++ < 3) {
                fprintf(stderr, "answer %d: %.300s\n", c->answer.status, c->answer.body.length ? c->answer.body.bytes : "");
            }
            if (marks && accepted - marked >= marks) {
                printf("  %6.1f M events  %9.0f events/s  RSS %6.1f MB\n", (double)accepted / 1e6,
                       (double)(accepted - marked) * 1e6 / (double)(last - mark_time), memory_mb(pid, "VmRSS"));
                fflush(stdout);
                marked = accepted;
                mark_time = last;
            }
            if (wanted ? issued < wanted : last < end) {
                next(c, poll, connections);
                issued += (uint64_t)batch;
                waiting++;
            }
        }
    }
    sort_latencies(&latencies);
    double took = (double)(last - start) / 1e6;
    printf("%11d %10.0f %9.0f %8.2f %8.2f %8.2f %8.2f %7llu %8.1f %8.1f", connections, (double)accepted / took,
           (double)requests / took, percentile(&latencies, 50), percentile(&latencies, 90), percentile(&latencies, 99),
           percentile(&latencies, 100), (unsigned long long)errors, (double)bytes_sent / 1e6, (double)accepted / 1e6);
    if (pid) printf(" %7.1f", memory_mb(pid, "VmRSS"));
    printf("\n");
    fflush(stdout);
    if (complete) {
        static Response answer;
        for (int i = 0; i < run_count; i++) {
            char body[128];
            snprintf(body, sizeof body, "{\"run_id\": \"%s\", \"output\": {\"done\": true}}", run_ids[i]);
            int status = post(setup, &target, "/api/ingest/v1/run/complete", key, body, &answer);
            if (status != 200) die("run/complete answered %d: %s", status, answer.body.bytes);
        }
    }
    for (int i = 0; i < connections; i++) {
        close(all[i].fd);
        free(all[i].request);
        free(all[i].answer.raw.bytes);
        free(all[i].answer.body.bytes);
    }
    free(all);
    free(latencies.values);
    close(poll);
    close(setup);
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
    prepare_events();
    target = parse_target(url);
    run_count = atoi(option(argc, argv, "--runs", "200"));
    batch = atoi(option(argc, argv, "--batch", "50"));
    pid = atoi(option(argc, argv, "--pid", "0"));
    spans = (unsigned)(atof(option(argc, argv, "--spans", "0")) * 1024);
    run_ids = malloc((size_t)run_count * sizeof *run_ids);
    clocks = malloc((size_t)run_count * sizeof *clocks);
    prepare_head();
    if (!flag(argc, argv, "--bare"))
        printf("%11s %10s %9s %8s %8s %8s %8s %7s %8s %8s%s\n", "connections", "events/s", "req/s", "p50 ms", "p90 ms",
               "p99 ms", "max ms", "errors", "MB sent", "M events", pid ? "  RSS MB" : "");
    char list[256];
    snprintf(list, sizeof list, "%s", option(argc, argv, "--connections", "32"));
    for (char *save, *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save))
        scenario(atoi(item), atof(option(argc, argv, "--seconds", "30")),
                 strtoull(option(argc, argv, "--events", "0"), NULL, 10), strtoull(option(argc, argv, "--marks", "0"), NULL, 10),
                 flag(argc, argv, "--complete"), option(argc, argv, "--write-runs", NULL));
    return 0;
}
