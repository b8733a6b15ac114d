// A receiver of webhooks that costs little: answers each POST with 204 after --delay milliseconds; for the first
// --refuse-for seconds, counted from the first request, with 503. Prints every second how many it has taken and refused.
#include "bench.h"

static const char USAGE[] = "receiver --port N [--delay MILLISECONDS] [--refuse-for SECONDS]\n";
static const char TAKEN[] = "HTTP/1.1 204 No Content\r\n\r\n";
static const char REFUSED[] = "HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n";

typedef struct Connection {
    int fd;
    Buffer in;
    uint64_t due;             // when the answer that is held is sent; 0 = none
    struct Connection *next;  // in the list of held ones, oldest first
} Connection;

static Connection *oldest, *newest;
static uint64_t delay, refuse_for, first;
static unsigned long taken, refused;

static void answer(Connection *c) {
    bool no = now_us() - first < refuse_for;
    if (no) refused++;
    else taken++;
    send_all(c->fd, no ? REFUSED : TAKEN, no ? sizeof REFUSED - 1 : sizeof TAKEN - 1);
}

// One request at a time on a connection: its sender waits for the answer.
static void serve(Connection *c) {
    char *end = memmem(c->in.bytes, c->in.length, "\r\n\r\n", 4);
    if (!end || c->due) return;
    const char *sized = strcasestr(c->in.bytes, "\r\ncontent-length:");
    size_t whole = (size_t)(end - c->in.bytes) + 4 + (sized && sized < end ? (size_t)atol(sized + 17) : 0);
    if (c->in.length < whole) return;
    c->in.length = 0;
    if (!first) first = now_us();
    if (!delay) return answer(c);
    c->due = now_us() + delay;
    c->next = NULL;
    if (newest) newest->next = c;
    else oldest = c;
    newest = c;
}

static void drop(Connection *c) {
    close(c->fd);
    free(c->in.bytes);
    free(c);
}

int main(int argc, char **argv) {
    int port = atoi(option(argc, argv, "--port", "0"));
    delay = (uint64_t)(atof(option(argc, argv, "--delay", "0")) * 1e3);
    refuse_for = (uint64_t)(atof(option(argc, argv, "--refuse-for", "0")) * 1e6);
    if (!port) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0)
        die("port %d: %s", port, strerror(errno));
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &e);
    for (uint64_t told = now_us();;) {
        int n = epoll_wait(poll, ready, 256, oldest ? 1 : 200);
        for (int i = 0; i < n; i++) {
            Connection *c = ready[i].data.ptr;
            if (!c) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0) continue;
                c = calloc(1, sizeof *c);
                c->fd = fd;
                struct epoll_event more = {.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &more);
                continue;
            }
            reserve(&c->in, 4096);
            ssize_t got = recv(c->fd, c->in.bytes + c->in.length, c->in.capacity - c->in.length - 1, MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got <= 0) {
                // One whose answer is held goes when that is due.
                epoll_ctl(poll, EPOLL_CTL_DEL, c->fd, NULL);
                if (!c->due) drop(c);
                continue;
            }
            c->in.length += (size_t)got;
            c->in.bytes[c->in.length] = 0;
            serve(c);
        }
        for (uint64_t now = now_us(); oldest && oldest->due <= now;) {
            Connection *c = oldest;
            oldest = c->next;
            if (!oldest) newest = NULL;
            c->due = 0;
            answer(c);
        }
        uint64_t now = now_us();
        if (now - told >= 1000000) {
            told = now;
            printf("%.1f %lu %lu\n", (double)now / 1e6, taken, refused);
            fflush(stdout);
        }
    }
}
