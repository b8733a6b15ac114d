// Many streams at once: reads pieces that carry the time they were sent, and tells how long each was on its way.
//
// Against the server (with a key and an agent), or against the model itself: the difference is what the server adds.
#include "bench.h"

static const char USAGE[] =
    "streams --url HOST:PORT [--key KEY --agent AGENT_ID] --streams N --pieces N [--pid PID] [--label TEXT] [--bare]\n";

typedef struct {
    int fd;
    bool open, done;
    int pieces;
    int matched;      // bytes of the word that ends the text
    bool in_number;
    uint64_t number;
} Stream;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const char *last_word;

// The last frame repeats the whole text: pieces count only before it.
static void take(Stream *s, const char *bytes, size_t length, uint64_t now, Latencies *delays) {
    for (size_t i = 0; i < length && !s->done; i++) {
        char b = bytes[i];
        if (b == last_word[s->matched]) {
            if (!last_word[++s->matched]) s->done = true;
        } else {
            s->matched = b == last_word[0];
        }
        if (b == '@') {
            if (s->in_number && s->number) {
                s->pieces++;
                note(delays, now > s->number ? (now - s->number) / 1000 : 0);
            }
            s->in_number = !s->in_number;
            s->number = 0;
        } else if (s->in_number) {
            if (b >= '0' && b <= '9') s->number = s->number * 10 + (uint64_t)(b - '0');
            else s->in_number = false;
        }
    }
}

static double cpu_seconds(int pid) {
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

int main(int argc, char **argv) {
    const char *url = option(argc, argv, "--url", NULL), *key = option(argc, argv, "--key", "none");
    const char *agent = option(argc, argv, "--agent", NULL);
    int count = atoi(option(argc, argv, "--streams", "2000")), pieces = atoi(option(argc, argv, "--pieces", "500"));
    int pid = atoi(option(argc, argv, "--pid", "0"));
    if (!url) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    Target target = parse_target(url);
    last_word = agent ? "\"done\"" : "[DONE]";
    char path[128], request[1024];
    snprintf(path, sizeof path, agent ? "/api/v1/agents/%s/invoke" : "/v1/chat/completions", agent);
    size_t length = write_post(request, sizeof request, &target, path, key, "{\"input\": {\"message\": \"go\"}, \"stream\": true}");
    Stream *all = calloc((size_t)count, sizeof *all);
    int poll = epoll_create1(EPOLL_CLOEXEC), open = 0, begun = 0, completed = 0, broken = 0;
    Latencies delays = {0};
    double cpu = pid ? cpu_seconds(pid) : 0;
    uint64_t start = now_us();
    static char buffer[1 << 16];
    struct epoll_event ready[512];
    while (begun < count || open) {
        // All of them within two seconds.
        int due = (int)((double)(now_us() - start) / 2e6 * count) + 1;
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
            ssize_t got = recv(s->fd, buffer, sizeof buffer, 0);
            if (got > 0) take(s, buffer, (size_t)got, now_ns(), &delays);
            if (got > 0 && !s->done) continue;
            if (!s->open) continue;
            s->open = false;
            open--;
            if (s->done && s->pieces == pieces) completed++;
            else broken++;
            close(s->fd);
        }
    }
    double seconds = (double)(now_us() - start) / 1e6;
    double memory = pid ? memory_mb(pid, "VmRSS") : 0;
    sort_latencies(&delays);
    if (!flag(argc, argv, "--bare"))
        printf("%-16s %8s %8s %10s %8s %8s %8s %8s %7s %7s\n", "", "complete", "broken", "pieces/s", "p50 ms", "p90 ms", "p99 ms", "max ms", "CPU s", "RSS MB");
    printf("%-16s %8d %8d %10.0f %8.2f %8.2f %8.2f %8.2f %7.1f %7.1f\n", option(argc, argv, "--label", "streams"), completed, broken,
           (double)delays.count / seconds, percentile(&delays, 50), percentile(&delays, 90), percentile(&delays, 99),
           percentile(&delays, 100), pid ? cpu_seconds(pid) - cpu : 0, memory);
    return broken ? 1 : 0;
}
