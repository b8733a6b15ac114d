// Many streams at once: reads pieces that carry their number and the time they were sent, tells how long each was on its
// way, and whether any was lost or came twice.
//
// Against the server (with a key and an agent), or against the model itself: the difference is what the server adds.
#include "bench.h"

static const char USAGE[] =
    "streams --url HOST:PORT [--key KEY --agent AGENT_ID] [options]\n"
    "  --streams N         at once                                      (2000)\n"
    "  --pieces N          that each must bring                         (500)\n"
    "  --over SECONDS      within which they are begun, evenly          (1)\n"
    "  --pid PID           of the server: its processor time and memory\n"
    "  --model-pid PID     of the model: its processor time\n"
    "  --label TEXT, --bare\n";

typedef struct {
    int fd;
    bool open, done, failed;
    int expected;                // number of the next piece
    int done_matched, error_matched;  // bytes of the words that end the text
    int field;                   // inside a piece: 1 its number, 2 its time; 0 outside
    uint64_t number, sent;
} Stream;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const char *last_word;
static const char FAILURE[] = "\"error\"";
static uint64_t lost, doubled;

static bool ends_with(const char *word, int *matched, char b) {
    if (b == word[*matched]) {
        if (!word[++*matched]) return true;
    } else {
        *matched = b == word[0];
    }
    return false;
}

// The last frame repeats the whole text: pieces count only before it.
static void take(Stream *s, const char *bytes, size_t length, uint64_t now, Latencies *delays) {
    for (size_t i = 0; i < length && !s->done && !s->failed; i++) {
        char b = bytes[i];
        s->done = ends_with(last_word, &s->done_matched, b);
        s->failed = ends_with(FAILURE, &s->error_matched, b);
        if (b == '@' && s->field == 2) {
            s->field = 0;
            if (s->number < (uint64_t)s->expected) {
                doubled++;
                continue;
            }
            lost += s->number - (uint64_t)s->expected;
            s->expected = (int)s->number + 1;
            note(delays, now > s->sent ? (now - s->sent) / 1000 : 0);
        } else if (b == '@') {
            s->field = 1;
            s->number = s->sent = 0;
        } else if (s->field && b >= '0' && b <= '9') {
            uint64_t *value = s->field == 1 ? &s->number : &s->sent;
            *value = *value * 10 + (uint64_t)(b - '0');
        } else if (s->field == 1 && b == '.') {
            s->field = 2;
        } else {
            s->field = 0;
        }
    }
}

static double cpu_seconds(int pid) {
    if (pid <= 0) return 0;
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    unsigned long user = 0, system = 0;
    if (fgets(line, sizeof line, file)) {
        char *at = strrchr(line, ')');
        if (at) sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    }
    fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
    const char *url = option(argc, argv, "--url", NULL), *key = option(argc, argv, "--key", "none");
    const char *agent = option(argc, argv, "--agent", NULL);
    int count = atoi(option(argc, argv, "--streams", "2000")), pieces = atoi(option(argc, argv, "--pieces", "500"));
    int pid = atoi(option(argc, argv, "--pid", "0")), model_pid = atoi(option(argc, argv, "--model-pid", "0"));
    double over = atof(option(argc, argv, "--over", "1"));
    if (!url || count < 1) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    Target target = parse_target(url);
    last_word = agent ? "\"done\"" : "\"message_stop\"";
    char path[128], request[1024];
    snprintf(path, sizeof path, agent ? "/api/v1/agents/%s/invoke" : "/v1/messages", agent);
    size_t length = write_post(request, sizeof request, &target, path, key, "{\"input\": {\"message\": \"go\"}, \"stream\": true}");
    Stream *all = calloc((size_t)count, sizeof *all);
    int poll = epoll_create1(EPOLL_CLOEXEC), open = 0, begun = 0, completed = 0, broken = 0;
    Latencies delays = {0};
    double cpu = cpu_seconds(pid), model_cpu = cpu_seconds(model_pid), memory = 0;
    uint64_t start = now_us();
    static char buffer[1 << 16];
    struct epoll_event ready[512];
    while (begun < count || open) {
        // Not all at once, so that their pieces do not all come in the same millisecond.
        int due = over > 0 ? (int)((double)(now_us() - start) / 1e6 / over * count) + 1 : count;
        for (; begun < count && begun < due; begun++) {
            Stream *s = &all[begun];
            s->fd = connect_to(&target);
            s->open = true;
            open++;
            struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
            epoll_ctl(poll, EPOLL_CTL_ADD, s->fd, &e);
            if (!send_all(s->fd, request, length)) die("the server closed a connection");
        }
        int n = epoll_wait(poll, ready, 512, begun < count ? 1 : 30000);
        if (n == 0 && begun == count) die("nothing came for 30 s; %d streams are open", open);
        for (int i = 0; i < n; i++) {
            Stream *s = ready[i].data.ptr;
            if (!s->open) continue;
            ssize_t got = recv(s->fd, buffer, sizeof buffer - 1, 0);
            if (got > 0) take(s, buffer, (size_t)got, now_ns(), &delays);
            if (got > 0 && !s->done && !s->failed) continue;
            s->open = false;
            if (open-- == count) memory = memory_mb(pid, "VmRSS");
            if (s->done && s->expected == pieces) {
                completed++;
            } else {
                lost += (uint64_t)(pieces - s->expected);
                buffer[got > 0 ? got : 0] = 0;
                if (broken++ < 3) fprintf(stderr, "a stream ended after piece %d: %.600s\n", s->expected, buffer);
            }
            close(s->fd);
        }
    }
    double seconds = (double)(now_us() - start) / 1e6;
    if (!memory) memory = memory_mb(pid, "VmRSS");
    sort_latencies(&delays);
    if (!flag(argc, argv, "--bare"))
        printf("%-16s %8s %6s %7s %9s %8s %8s %8s %8s %9s %9s %9s %7s\n", "", "complete", "lost", "doubled", "pieces/s", "p50 ms",
               "p90 ms", "p99 ms", "max ms", "model CPU", "own CPU", "server", "RSS MB");
    printf("%-16s %8d %6llu %7llu %9.0f %8.2f %8.2f %8.2f %8.2f %7.1f s %7.1f s %7.1f s %7.1f\n",
           option(argc, argv, "--label", "streams"), completed, (unsigned long long)lost, (unsigned long long)doubled,
           (double)delays.count / seconds, percentile(&delays, 50), percentile(&delays, 90), percentile(&delays, 99),
           percentile(&delays, 100), model_pid ? cpu_seconds(model_pid) - model_cpu : 0, own_cpu_seconds(),
           pid ? cpu_seconds(pid) - cpu : 0, memory);
    return broken || lost || doubled ? 1 : 0;
}
