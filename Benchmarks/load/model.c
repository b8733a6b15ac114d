// A model that costs nothing: answers OpenAI chat completions at once, plain or streamed.
//
// With --hold it sends the first piece of a streamed answer and the rest only after that many seconds, so that streams
// stay open. With --pace it streams pieces at that rate, each with the time it was sent. With --tools it asks for so many
// tool calls, one after the other, before it answers. Prints its base URL and runs until it is ended.
#include "bench.h"

static const char USAGE[] =
    "model --port N [--hold SECONDS] [--pace PIECES_A_SECOND --pieces N] [--tools N --tool NAME --arguments JSON]\n";

typedef struct Connection {
    int fd;
    Buffer in;
    uint64_t due;              // when the held rest, or the next piece, is sent; 0 = nothing held
    int left;                  // pieces to come
    struct Connection *next;   // in the list of held ones, oldest first
} Connection;

static const char FIRST[] =
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n";
static const char REST[] =
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\" there.\"},\"finish_reason\":null}]}\n\n"
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},"
    "\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":[],\"usage\":"
    "{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15}}\n\n"
    "data: [DONE]\n\n";
static const char PLAIN[] =
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":"
    "{\"role\":\"assistant\",\"content\":\"Hello there.\"},\"finish_reason\":\"stop\"}],\"usage\":"
    "{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15}}";

static Connection *oldest, *newest;
static double hold;
static uint64_t interval;
static int pieces, tools;
static char call[2048];

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Behind all others: waits are all of the same length.
static void wait_until(Connection *c, uint64_t due) {
    c->due = due;
    c->next = NULL;
    if (newest) newest->next = c;
    else oldest = c;
    newest = c;
}

static void send_piece(Connection *c) {
    char event[512], out[640];
    int length = snprintf(event, sizeof event,
                          "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":"
                          "[{\"index\":0,\"delta\":{\"content\":\"@%llu@\"},\"finish_reason\":null}]}\n\n",
                          (unsigned long long)now_ns());
    int n = snprintf(out, sizeof out, "%x\r\n%s\r\n", (unsigned)length, event);
    send_all(c->fd, out, (size_t)n);
}

static int count(const char *body, size_t length, const char *word) {
    int found = 0;
    size_t size = strlen(word);
    for (const char *at = body; (at = memmem(at, length - (size_t)(at - body), word, size)); at += size) found++;
    return found;
}

static void send_plain(Connection *c, const char *body) {
    char out[4096];
    int n = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s", strlen(body), body);
    send_all(c->fd, out, (size_t)n);
}

static void send_rest(Connection *c) {
    char out[2048];
    int n = snprintf(out, sizeof out, "%zx\r\n%s\r\n0\r\n\r\n", sizeof REST - 1, REST);
    send_all(c->fd, out, (size_t)n);
}

static void answer(Connection *c, const char *body, size_t length) {
    if (tools && count(body, length, "\"role\":\"tool\"") < tools) return send_plain(c, call);
    if (!memmem(body, length, "\"stream\":true", 13) && !memmem(body, length, "\"stream\": true", 14)) return send_plain(c, PLAIN);
    static const char HEAD[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    if (interval) {
        send_all(c->fd, HEAD, sizeof HEAD - 1);
        c->left = pieces;
        return wait_until(c, now_us() + interval);
    }
    char out[4096];
    int n = snprintf(out, sizeof out, "%s%zx\r\n%s\r\n", HEAD, sizeof FIRST - 1, FIRST);
    send_all(c->fd, out, (size_t)n);
    if (hold <= 0) send_rest(c);
    else wait_until(c, now_us() + (uint64_t)(hold * 1e6));
}

// Answers every complete request in the buffer.
static void serve(Connection *c) {
    while (c->in.length) {
        char *end = memmem(c->in.bytes, c->in.length, "\r\n\r\n", 4);
        if (!end) return;
        size_t head = (size_t)(end - c->in.bytes) + 4, whole = head;
        const char *sized = strcasestr(c->in.bytes, "\r\ncontent-length:"), *chunked = strcasestr(c->in.bytes, "\r\ntransfer-encoding:");
        if (sized && sized < end) {
            whole += (size_t)atol(sized + 17);
        } else if (chunked && chunked < end) {
            char *last = memmem(c->in.bytes + head, c->in.length - head, "\r\n0\r\n\r\n", 7);
            if (!last) return;
            whole = (size_t)(last - c->in.bytes) + 7;
        }
        if (c->in.length < whole) return;
        answer(c, c->in.bytes + head, whole - head);
        memmove(c->in.bytes, c->in.bytes + whole, c->in.length - whole);
        c->in.length -= whole;
        c->in.bytes[c->in.length] = 0;
    }
}

int main(int argc, char **argv) {
    int port = atoi(option(argc, argv, "--port", "0"));
    hold = atof(option(argc, argv, "--hold", "0"));
    double pace = atof(option(argc, argv, "--pace", "0"));
    if (pace > 0) interval = (uint64_t)(1e6 / pace);
    pieces = atoi(option(argc, argv, "--pieces", "100"));
    tools = atoi(option(argc, argv, "--tools", "0"));
    snprintf(call, sizeof call,
             "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":"
             "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":"
             "{\"name\":\"%s\",\"arguments\":\"%s\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":"
             "{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15}}",
             option(argc, argv, "--tool", "calculate"), option(argc, argv, "--arguments", "{\\\"expression\\\":\\\"1+1\\\"}"));
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
    printf("http://127.0.0.1:%d/v1\n", port);
    fflush(stdout);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(poll, ready, 256, oldest ? (interval ? 1 : 20) : -1);
        for (int i = 0; i < n; i++) {
            Connection *c = ready[i].data.ptr;
            if (!c) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0) continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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
                epoll_ctl(poll, EPOLL_CTL_DEL, c->fd, NULL);
                close(c->fd);
                c->fd = -1;
                if (!c->due) {
                    free(c->in.bytes);
                    free(c);
                }
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
            uint64_t due = c->due;
            c->due = 0;
            if (c->fd >= 0) {
                if (c->left > 0) {
                    send_piece(c);
                    c->left--;
                    wait_until(c, due + interval);
                } else {
                    send_rest(c);
                }
            } else {
                free(c->in.bytes);
                free(c);
            }
        }
    }
}
