// Events as the official client sends them, about 240 bytes each, no two alike.
//
// A thousand prepared texts with different words and members; for each event one is copied and its counter, random
// hex digits and times are overwritten. That costs well under 100 ns and still leaves a compressor honest work.
#pragma once
#include "bench.h"

enum { TEMPLATES = 1024, EVENT_ROOM = 768 };

typedef struct {
    char text[EVENT_ROOM];
    int length;
    int counter;                          // offset of 10 digits
    int hex;                              // offset of 32 hex digits
    int occurred, started, ended;         // offsets of "08:00:00.000000"; 0 = absent
    int span, parent;                     // offsets of a UUID; 0 = absent
    int pace;                             // microseconds it takes on average
} EventTemplate;

// What one run has sent so far.
typedef struct {
    uint64_t time_us;                     // of the day
    char last_span[37];
} RunClock;

static EventTemplate event_templates[TEMPLATES], span_templates[TEMPLATES];
static uint64_t event_counter = 1000000000u;

static const char *const WORDS[] = {
    "refund", "invoice", "customer", "ticket", "account", "shipping", "address", "delayed", "premium", "annual",
    "plan", "upgrade", "billing", "cancel", "order", "warehouse", "tracking", "number", "missing", "confirm",
    "email", "verify", "identity", "document", "contract", "renewal", "discount", "approved", "declined", "payment",
    "card", "expired", "retry", "bank", "transfer", "pending", "settled", "currency", "exchange", "rate",
    "summary", "report", "quarter", "revenue", "forecast", "growth", "region", "north", "south", "berlin",
    "lisbon", "oslo", "vendor", "supplier", "quote", "purchase", "request", "review", "manager", "escalate",
    "priority", "urgent", "normal", "backlog", "sprint", "release", "deploy", "rollback", "cluster", "latency",
    "timeout", "gateway", "database", "replica", "index", "query", "plan", "cache", "evicted", "warm",
    "search", "results", "ranking", "document", "chunk", "embedding", "vector", "distance", "threshold", "matched",
    "language", "german", "french", "translate", "tone", "formal", "friendly", "greeting", "signature", "draft",
    "attachment", "image", "scanned", "parsed", "table", "column", "total", "tax", "amount", "balance",
    "policy", "clause", "liability", "signed", "witness", "archive", "retention", "deleted", "restored", "backup",
    "sensor", "temperature", "humidity", "alarm", "technician", "visit", "scheduled", "morning", "afternoon", "slot",
};
static const char *const TOOLS[] = {"lookup_order", "search_docs", "send_email", "create_ticket", "fetch_invoice",
                                    "query_crm", "parse_pdf", "translate"};
static const char *const MODELS[] = {"claude-sonnet-4-6", "gpt-4.1", "gpt-4.1-mini", "claude-haiku-4-5"};
static const char *const STEPS[] = {"fetch-data", "classify", "extract", "summarise", "validate", "route"};

#define PICK(list) list[next_random() % (sizeof list / sizeof list[0])]

static UNUSED void pick_words(char *out, int bytes) {
    int length = 0;
    while (length < bytes) length += sprintf(out + length, length ? " %s" : "%s", PICK(WORDS));
}

static UNUSED void prepare_template(EventTemplate *t, bool span) {
    static const char TIME[] = "2026-05-11T08:00:00.000001Z";
    char payload[512], text[256];
    const char *type = "", *level = "info", *kind = "step";
    int size = span ? 60 : 0;
    switch (next_random() % 6) {
    case 0:
        type = "tool.called", kind = "tool";
        pick_words(text, size ? size : 34);
        sprintf(payload, "{\"tool\": \"%s\", \"input\": {\"query\": \"%s\", \"ref\": \"0123456789abcdef0123456789abcdef\", \"n\": 1234567890}}",
                PICK(TOOLS), text);
        break;
    case 1:
        type = "tool.returned", kind = "tool";
        pick_words(text, size ? size : 30);
        sprintf(payload, "{\"tool\": \"%s\", \"output\": {\"text\": \"%s\", \"ref\": \"0123456789abcdef0123456789abcdef\", \"n\": 1234567890}}",
                PICK(TOOLS), text);
        break;
    case 2:
        type = "llm.request", kind = "llm";
        pick_words(text, size ? size : 48);
        sprintf(payload, "{\"model\": \"%s\", \"prompt\": \"%s\", \"ref\": \"0123456789abcdef0123456789abcdef\", \"n\": 1234567890}",
                PICK(MODELS), text);
        break;
    case 3:
        type = "llm.response", kind = "llm";
        pick_words(text, size ? size : 16);
        sprintf(payload,
                "{\"model\": \"%s\", \"response\": \"%s 0123456789abcdef0123456789abcdef 1234567890\", \"input_tokens\": %d, \"output_tokens\": %d}",
                PICK(MODELS), text, (int)(200 + next_random() % 4000), (int)(20 + next_random() % 500));
        break;
    case 4:
        type = "step.completed", kind = "step";
        pick_words(text, size ? size : 28);
        sprintf(payload, "{\"step\": \"%s\", \"rows\": %d, \"note\": \"%s\", \"ref\": \"0123456789abcdef0123456789abcdef\", \"n\": 1234567890}",
                PICK(STEPS), (int)(next_random() % 100000), text);
        break;
    default:
        type = "cache.miss", level = "warn", kind = "retrieval";
        pick_words(text, size ? size : 30);
        sprintf(payload, "{\"key\": \"doc:0123456789abcdef0123456789abcdef\", \"reason\": \"%s\", \"score\": 0.%04d, \"n\": 1234567890}", text,
                (int)(next_random() % 10000));
    }
    if (span && strcmp(kind, "llm") == 0) type = PICK(MODELS);
    t->length = sprintf(t->text, "{\"type\": \"%s\", \"level\": \"%s\", \"payload\": %s, \"occurred_at\": \"%s\"", type, level,
                        payload, TIME);
    t->counter = (int)(strstr(t->text, "1234567890") - t->text);
    t->hex = (int)(strstr(t->text, "0123456789abcdef") - t->text);
    t->occurred = t->length - 1 - (int)sizeof TIME + 1 + 11;
    t->pace = (int)(200 + next_random() % 1200);
    if (span) {
        char uuid[37];
        random_uuid(uuid);
        t->length += sprintf(t->text + t->length, ", \"span_id\": \"");
        t->span = t->length;
        t->length += sprintf(t->text + t->length, "%s\", \"started_at\": \"", uuid);
        t->started = t->length + 11;
        t->length += sprintf(t->text + t->length, "%s\", \"ended_at\": \"", TIME);
        t->ended = t->length + 11;
        t->length += sprintf(t->text + t->length, "%s\", \"duration_ms\": %d", TIME, (int)(next_random() % 3000));
        if (next_random() % 4) {
            t->length += sprintf(t->text + t->length, ", \"parent_span_id\": \"");
            t->parent = t->length;
            t->length += sprintf(t->text + t->length, "%s\"", uuid);
        }
        t->length += sprintf(t->text + t->length, ", \"kind\": \"%s\"", kind);
    }
    t->length += sprintf(t->text + t->length, "}");
}

static UNUSED void prepare_events(void) {
    for (int i = 0; i < TEMPLATES; i++) {
        prepare_template(&event_templates[i], false);
        prepare_template(&span_templates[i], true);
    }
}

static UNUSED RunClock new_run_clock(void) {
    RunClock clock = {.time_us = 8ull * 3600 * 1000000 + next_random() % 3600000000u};
    random_uuid(clock.last_span);
    return clock;
}

static UNUSED void put_digits(char *at, uint32_t value, int digits) {
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

static UNUSED void put_time(char *at, uint64_t us) {
    uint32_t seconds = (uint32_t)(us / 1000000);
    put_digits(at, seconds / 3600, 2);
    put_digits(at + 3, seconds / 60 % 60, 2);
    put_digits(at + 6, seconds % 60, 2);
    put_digits(at + 9, (uint32_t)(us % 1000000), 6);
}

static UNUSED void put_hex(char *at, uint64_t value) {
    for (int i = 0; i < 16; i++) {
        at[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

// Writes the run's next event; `spans` is the share of spans in 1/1024. Returns its length.
static UNUSED int write_event(char *out, RunClock *run, unsigned spans) {
    uint64_t random = next_random();
    bool span = spans && (random >> 40 & 1023) < spans;
    const EventTemplate *t = &(span ? span_templates : event_templates)[random >> 50 & (TEMPLATES - 1)];
    memcpy(out, t->text, (size_t)t->length);
    run->time_us += (uint64_t)t->pace + (random & 127) + 1;
    if (run->time_us % 1000000 == 0) run->time_us++;  // the client would leave the fraction out
    if (run->time_us >= 86400ull * 1000000) die("a run's day is over: more runs or fewer events");
    uint64_t counter = event_counter++;
    put_digits(out + t->counter, (uint32_t)(counter / 10), 9);
    out[t->counter + 9] = (char)('0' + counter % 10);
    put_hex(out + t->hex, next_random());
    put_hex(out + t->hex + 16, next_random());
    put_time(out + t->occurred, run->time_us);
    if (span) {
        put_time(out + t->started, run->time_us);
        put_time(out + t->ended, run->time_us + (random >> 20 & 0xfffff) % 900000 + 1);
        if (t->parent) memcpy(out + t->parent, run->last_span, 36);
        random_uuid(run->last_span);
        memcpy(out + t->span, run->last_span, 36);
    }
    return t->length;
}
