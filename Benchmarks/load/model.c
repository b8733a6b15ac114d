// A model that costs nothing: answers OpenAI chat completions at once, plain or streamed.
//
// With --hold it sends the first piece of a streamed answer and the rest only after that many seconds, so that streams
// stay open. Prints its base URL and runs until it is ended.
#include "bench.h"

static const char USAGE[] = "model --port N [--hold SECONDS]\n";

typedef struct Connection {
    int fd;
    Buffer in;
    uint64_t due;              // when the held rest is sent; 0 = nothing held
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

static void send_rest(Connection *c) {
    char out[2048];
    int n = snprintf(out, sizeof out, "%zx\r\n%s\r\n0\r\n\r\n", sizeof REST - 1, REST);
    send_all(c->fd, out, (size_t)n);
}

static void answer(Connection *c, const char *body, size_t length) {
    char out[4096];
    if (memmem(body, length, "\"stream\":true", 13) || memmem(body, length, "\"stream\": true", 14)) {
        int n = snprintf(out, sizeof out,
                         "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n%zx\r\n%s\r\n",
                         sizeof FIRST - 1, FIRST);
        send_all(c->fd, out, (size_t)n);
        if (hold <= 0) {
            send_rest(c);
        } else {
            c->due = now_us() + (uint64_t)(hold * 1e6);
            c->next = NULL;
            if (newest) newest->next = c;
            else oldest = c;
            newest = c;
        }
    } else {
        int n = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                         sizeof PLAIN - 1, PLAIN);
        send_all(c->fd, out, (size_t)n);
    }
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
        int n = epoll_wait(poll, ready, 256, oldest ? 20 : -1);
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
            c->due = 0;
            if (c->fd >= 0) {
                send_rest(c);
            } else {
                free(c->in.bytes);
                free(c);
            }
        }
    }
}
