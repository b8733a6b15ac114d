// A model that costs nothing: answers OpenAI chat completions and Anthropic messages at once, plain or streamed.
//
// With --hold it sends the first piece of a streamed answer and the rest only after that many seconds, so that streams
// stay open. With --pace it streams pieces at that rate, each with its number and the time it was sent in nanoseconds of
// the monotonic clock: "@7.123456789@". With --tools it asks for so many tool calls, one after the other, before it
// answers. Prints its base URL and runs until it is ended.
#include "bench.h"

static const char USAGE[] =
    "model --port N [--hold SECONDS] [--pace PIECES_A_SECOND --pieces N] [--tools N --tool NAME --arguments JSON]\n";

// What a wire format says around the text.
typedef struct {
    const char *begin;    // before the first piece
    const char *before;   // in front of a piece's text
    const char *behind;
    const char *end;      // behind the last piece
    const char *plain;    // a whole answer
    const char *call;     // a whole answer that asks for a tool: a number that tells the call from others, name, arguments
    const char *result;   // found in a request once for each result of a tool
} Wire;

#define CHAT_CHUNK "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\"choices\":"
#define CHAT_USAGE "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15}"

static const Wire OPENAI = {
    .begin = CHAT_CHUNK "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    .before = CHAT_CHUNK "[{\"index\":0,\"delta\":{\"content\":\"",
    .behind = "\"},\"finish_reason\":null}]}\n\n",
    .end = CHAT_CHUNK "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" CHAT_CHUNK "[]," CHAT_USAGE "}\n\n"
           "data: [DONE]\n\n",
    .plain = "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":"
             "{\"role\":\"assistant\",\"content\":\"Hello there.\"},\"finish_reason\":\"stop\"}]," CHAT_USAGE "}",
    .call = "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":"
            "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_%d\",\"type\":\"function\",\"function\":"
            "{\"name\":\"%s\",\"arguments\":\"%s\"}}]},\"finish_reason\":\"tool_calls\"}]," CHAT_USAGE "}",
    .result = "\"role\":\"tool\"",
};

#define MESSAGE "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"bench\","
#define MESSAGE_USAGE "\"usage\":{\"input_tokens\":12,\"output_tokens\":3}"

static const Wire ANTHROPIC = {
    .begin = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":" MESSAGE
             "\"content\":[],\"stop_reason\":null," MESSAGE_USAGE "}}\n\n"
             "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
             "{\"type\":\"text\",\"text\":\"\"}}\n\n",
    .before = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
              "{\"type\":\"text_delta\",\"text\":\"",
    .behind = "\"}}\n\n",
    .end = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
           "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
           "\"usage\":{\"output_tokens\":3}}\n\n"
           "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    .plain = MESSAGE "\"content\":[{\"type\":\"text\",\"text\":\"Hello there.\"}],\"stop_reason\":\"end_turn\"," MESSAGE_USAGE "}",
    .call = MESSAGE "\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_%d\",\"name\":\"%s\",\"input\":%s}],"
            "\"stop_reason\":\"tool_use\"," MESSAGE_USAGE "}",
    .result = "\"type\":\"tool_result\"",
};

typedef struct Connection {
    int fd;
    Buffer in;
    uint64_t due;              // when the held rest, or the next piece, is sent; 0 = nothing held
    int sent;                  // pieces sent of a paced answer
    const Wire *wire;          // of the request that is being answered
    struct Connection *next;   // in the list of held ones, oldest first
} Connection;

static Connection *oldest, *newest;
static double hold;
static uint64_t interval;
static int pieces, tools;
static const char *tool, *arguments;
static char quoted_arguments[1024];

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

static Buffer out;

static void say(const char *text) { append(&out, text, strlen(text)); }

// One chunk of the body with these texts in it.
static void say_chunk(const char *a, const char *b, const char *c) {
    char size[16];
    snprintf(size, sizeof size, "%zx\r\n", strlen(a) + strlen(b) + strlen(c));
    say(size), say(a), say(b), say(c), say("\r\n");
}

static void send_said(Connection *c) {
    send_all(c->fd, out.bytes, out.length);
    out.length = 0;
}

static void send_piece(Connection *c) {
    char text[64];
    snprintf(text, sizeof text, "@%d.%llu@", c->sent++, (unsigned long long)now_ns());
    say_chunk(c->wire->before, text, c->wire->behind);
    send_said(c);
}

static int count(const char *body, size_t length, const char *word) {
    int found = 0;
    size_t size = strlen(word);
    for (const char *at = body; (at = memmem(at, length - (size_t)(at - body), word, size)); at += size) found++;
    return found;
}

static void send_plain(Connection *c, const char *body) {
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", strlen(body));
    say(head), say(body);
    send_said(c);
}

static void send_rest(Connection *c) {
    if (!interval) say_chunk(c->wire->before, " there.", c->wire->behind);
    say_chunk(c->wire->end, "", "");
    say("0\r\n\r\n");
    send_said(c);
}

static void answer(Connection *c, const char *body, size_t length) {
    int results = tools ? count(body, length, c->wire->result) : 0;
    if (results < tools) {
        char call[3072];
        snprintf(call, sizeof call, c->wire->call, results, tool, c->wire == &OPENAI ? quoted_arguments : arguments);
        return send_plain(c, call);
    }
    if (!memmem(body, length, "\"stream\":true", 13) && !memmem(body, length, "\"stream\": true", 14)) return send_plain(c, c->wire->plain);
    say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    say_chunk(c->wire->begin, "", "");
    if (!interval) say_chunk(c->wire->before, "Hello", c->wire->behind);
    send_said(c);
    c->sent = 0;
    if (interval) return wait_until(c, now_us() + interval);
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
        c->wire = strncmp(c->in.bytes, "POST /v1/messages", 17) == 0 ? &ANTHROPIC : &OPENAI;
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
    tool = option(argc, argv, "--tool", "calculate");
    arguments = option(argc, argv, "--arguments", "{\"expression\":\"1+1\"}");
    if (strlen(arguments) * 2 >= sizeof quoted_arguments) die("arguments too long");
    char *quoted = quoted_arguments;
    for (const char *at = arguments; *at; *quoted++ = *at++)
        if (*at == '"' || *at == '\\') *quoted++ = '\\';
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
                if (interval && c->sent < pieces) {
                    send_piece(c);
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
