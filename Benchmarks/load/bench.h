// What the load drivers share: sockets, a small HTTP/1.1 response reader, latencies, a process's memory.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

static UNUSED _Noreturn void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static UNUSED uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

// Pseudo-random numbers: xorshift64*, seeded, so that a run can be repeated.

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static UNUSED uint64_t next_random(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1Du;
}

static UNUSED void seed_from_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    random_state ^= (uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec ^ (uint64_t)getpid() << 20;
    for (int i = 0; i < 8; i++) next_random();
}

static UNUSED void random_uuid(char out[37]) {
    uint64_t a = next_random(), b = next_random();
    snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
             (unsigned)(a & 0xfff), (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
             (unsigned long long)(b & 0xffffffffffffu));
}

// Sockets.

typedef struct {
    char host[64];
    int port;
} Target;

// "127.0.0.1:8080", with or without "http://".
static UNUSED Target parse_target(const char *text) {
    Target target = {.port = 0};
    if (strncmp(text, "http://", 7) == 0) text += 7;
    const char *colon = strchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof target.host) die("not a host:port: %s", text);
    memcpy(target.host, text, (size_t)(colon - text));
    target.port = atoi(colon + 1);
    if (strcmp(target.host, "localhost") == 0) strcpy(target.host, "127.0.0.1");
    return target;
}

// -1 when nothing listens there.
static UNUSED int try_connect(const Target *target) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket: %s", strerror(errno));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)target->port)};
    if (inet_pton(AF_INET, target->host, &address.sin_addr) != 1) die("not an IPv4 address: %s", target->host);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static UNUSED int connect_to(const Target *target) {
    int fd = try_connect(target);
    if (fd < 0) die("cannot connect to %s:%d: %s", target->host, target->port, strerror(errno));
    return fd;
}

static UNUSED void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static UNUSED void raise_file_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// Growing bytes, always with a NUL behind the last one.

typedef struct {
    char *bytes;
    size_t length, capacity;
} Buffer;

static UNUSED void reserve(Buffer *b, size_t more) {
    if (b->length + more + 1 <= b->capacity) return;
    size_t capacity = b->capacity ? b->capacity : 4096;
    while (capacity < b->length + more + 1) capacity *= 2;
    b->bytes = realloc(b->bytes, capacity);
    if (!b->bytes) die("out of memory");
    b->capacity = capacity;
}

static UNUSED void append(Buffer *b, const void *bytes, size_t length) {
    reserve(b, length);
    memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
    b->bytes[b->length] = 0;
}

// An HTTP response as it comes in: status line, headers, then a body by content-length or in chunks.

typedef struct {
    Buffer raw;        // everything received and not yet decoded; the head stays in front
    size_t head;       // bytes of the head, 0 while it is incomplete
    size_t decoded;    // bytes of `raw` that are done with
    int status;
    bool chunked, complete;
    long remaining;    // of the body or of the current chunk; -1: the next chunk's size line is due
    Buffer body;
} Response;

static UNUSED void response_reset(Response *r) {
    size_t left = r->raw.length - r->decoded;
    if (left) memmove(r->raw.bytes, r->raw.bytes + r->decoded, left);
    r->raw.length = left;
    r->body.length = 0;
    if (r->body.bytes) r->body.bytes[0] = 0;
    r->head = r->decoded = 0;
    r->status = 0;
    r->chunked = r->complete = false;
    r->remaining = 0;
}

static UNUSED void response_head(Response *r) {
    char *end = memmem(r->raw.bytes, r->raw.length, "\r\n\r\n", 4);
    if (!end) return;
    r->head = (size_t)(end - r->raw.bytes) + 4;
    r->decoded = r->head;
    r->status = r->raw.length > 12 ? atoi(r->raw.bytes + 9) : 0;
    r->remaining = 0;
    for (char *line = memchr(r->raw.bytes, '\n', r->head); line && line + 1 < end;) {
        line++;
        if (strncasecmp(line, "content-length:", 15) == 0) r->remaining = atol(line + 15);
        if (strncasecmp(line, "transfer-encoding:", 18) == 0) r->chunked = true, r->remaining = -1;
        line = memchr(line, '\n', (size_t)(end + 2 - line));
    }
    if (r->remaining > 0) reserve(&r->body, (size_t)r->remaining);
    if (!r->chunked && r->remaining == 0) r->complete = true;
}

static UNUSED void response_decode(Response *r) {
    if (!r->head) response_head(r);
    while (r->head && !r->complete && r->decoded < r->raw.length) {
        size_t left = r->raw.length - r->decoded;
        char *at = r->raw.bytes + r->decoded;
        if (r->chunked && r->remaining < 0) {
            char *line_end = memmem(at, left, "\r\n", 2);
            if (!line_end) return;
            r->remaining = strtol(at, NULL, 16);
            size_t line = (size_t)(line_end - at) + 2;
            if (r->remaining == 0) {
                if (left < line + 2) {
                    r->remaining = -1;
                    return;
                }
                r->decoded += line + 2;
                r->complete = true;
                return;
            }
            r->remaining += 2;  // the line break behind the chunk
            r->decoded += line;
            continue;
        }
        size_t take = left < (size_t)r->remaining ? left : (size_t)r->remaining;
        size_t text = take;
        if (r->chunked) {
            long of_data = r->remaining - 2;
            text = of_data <= 0 ? 0 : (take < (size_t)of_data ? take : (size_t)of_data);
        }
        append(&r->body, at, text);
        r->decoded += take;
        r->remaining -= (long)take;
        if (r->remaining == 0) {
            if (r->chunked) r->remaining = -1;
            else r->complete = true;
        }
    }
    if (r->decoded > r->head && r->decoded == r->raw.length && r->head) {  // keep only the head
        r->raw.length = r->head;
        r->decoded = r->head;
    }
}

// Reads once; false when the peer has closed or the socket failed.
static UNUSED bool response_receive(Response *r, int fd) {
    reserve(&r->raw, 256 * 1024);
    ssize_t got = recv(fd, r->raw.bytes + r->raw.length, r->raw.capacity - r->raw.length - 1, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return false;
    r->raw.length += (size_t)got;
    r->raw.bytes[r->raw.length] = 0;
    response_decode(r);
    return true;
}

static UNUSED bool send_all(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

#define SDK_HEADERS                                                                                          \
    "accept: */*\r\naccept-encoding: gzip, deflate\r\nconnection: keep-alive\r\n"                             \
    "user-agent: agentos-sdk-py/0.4.0\r\ncontent-type: application/json\r\n"

// One request as the official client writes it, into `out`; returns its length.
static UNUSED size_t write_post(char *out, size_t room, const Target *target, const char *path, const char *key,
                                const char *body) {
    int length = snprintf(out, room, "POST %s HTTP/1.1\r\nhost: %s:%d\r\n" SDK_HEADERS "authorization: Bearer %s\r\ncontent-length: %zu\r\n\r\n%s",
                          path, target->host, target->port, key, strlen(body), body);
    if (length < 0 || (size_t)length >= room) die("request too long");
    return (size_t)length;
}

// A whole call on a blocking socket; dies when the connection breaks.
static UNUSED int post(int fd, const Target *target, const char *path, const char *key, const char *body, Response *r) {
    static char request[65536];
    size_t length = write_post(request, sizeof request, target, path, key, body);
    response_reset(r);
    if (!send_all(fd, request, length)) die("%s: the server closed the connection", path);
    while (!r->complete)
        if (!response_receive(r, fd)) die("%s: the server closed the connection", path);
    return r->status;
}

// The string member `name` of an answer, anywhere in it.
static UNUSED bool string_member(const char *json, const char *name, char *out, size_t room) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    const char *at = strstr(json, quoted);
    if (!at) return false;
    at += strlen(quoted);
    while (*at == ' ' || *at == ':') at++;
    if (*at++ != '"') return false;
    size_t length = strcspn(at, "\"");
    if (length >= room) return false;
    memcpy(out, at, length);
    out[length] = 0;
    return true;
}

// True when the answer has `"name":value`, with or without a blank behind the colon.
static UNUSED bool has_number(const char *json, const char *name, long value) {
    if (!json) return false;
    char text[96];
    snprintf(text, sizeof text, "\"%s\"", name);
    const char *at = strstr(json, text);
    if (!at) return false;
    at += strlen(text);
    while (*at == ' ' || *at == ':') at++;
    char *end;
    return strtol(at, &end, 10) == value && end != at;
}

static UNUSED void start_run(int fd, const Target *target, const char *key, const char *agent, char run_id[37]) {
    static Response answer;
    char body[512], external[37];
    random_uuid(external);
    snprintf(body, sizeof body,
             "{\"agent_id\": \"%s\", \"trigger_type\": \"sdk\", \"input\": {\"ticket\": 4521}, \"external_run_id\": \"%s\"}",
             agent, external);
    int status = post(fd, target, "/api/ingest/v1/run/start", key, body, &answer);
    if (status != 200 || !string_member(answer.body.bytes, "run_id", run_id, 37))
        die("run/start answered %d: %s", status, answer.body.length ? answer.body.bytes : "");
}

// Latencies in microseconds.

typedef struct {
    uint32_t *values;
    size_t count, capacity;
} Latencies;

static UNUSED void note(Latencies *l, uint64_t us) {
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 1 << 16;
        l->values = realloc(l->values, l->capacity * sizeof *l->values);
        if (!l->values) die("out of memory");
    }
    l->values[l->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static UNUSED int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static UNUSED void sort_latencies(Latencies *l) {
    if (l->count) qsort(l->values, l->count, sizeof *l->values, by_value);
}

// In milliseconds; the latencies must be sorted.
static UNUSED double percentile(const Latencies *l, double p) {
    if (!l->count) return 0;
    size_t at = (size_t)(p / 100.0 * (double)(l->count - 1) + 0.5);
    return l->values[at] / 1000.0;
}

// A process's memory in MB: `VmRSS` now, `VmHWM` at most so far.
static UNUSED double memory_mb(int pid, const char *member) {
    if (pid <= 0) return 0;
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    double mb = 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, member, strlen(member)) == 0) mb = atof(line + strlen(member) + 1) / 1024.0;
    fclose(file);
    return mb;
}

// Command line: --name value, in any order.

static UNUSED const char *option(int argc, char **argv, const char *name, const char *fallback) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) break;
        if (strcmp(argv[i], name) == 0) {
            if (i + 1 >= argc) die("%s needs a value", name);
            return argv[i + 1];
        }
    }
    return fallback;
}

static UNUSED bool flag(int argc, char **argv, const char *name) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return false;
}
