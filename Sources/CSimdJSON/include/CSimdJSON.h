#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Bytes in, field slices out. Offsets are relative to the text given; texts are shorter than 4 GiB.

typedef enum aos_kind {
    AOS_MISSING = 0,
    AOS_NULL,
    AOS_BOOL,
    AOS_NUMBER,
    AOS_STRING,
    AOS_ARRAY,
    AOS_OBJECT
} aos_kind;

typedef enum aos_problem {
    AOS_OK = 0,
    AOS_TRUNCATED,
    AOS_SYNTAX,
    AOS_NOT_UTF8,
    AOS_TOO_DEEP,
    AOS_CONTROL_CHARACTER,
    AOS_BAD_ESCAPE,
    AOS_TRAILING_TEXT,
    AOS_NO_MEMORY
} aos_problem;

/// What one validating pass over a JSON text found.
typedef struct aos_check {
    aos_problem problem;
    size_t offset;
    /// The text holds NaN, Infinity or a lone surrogate: what is stored of it must go through aos_json_rewrite.
    bool needs_rewrite;
    aos_kind root;
    /// How deep its objects and arrays lie in each other.
    uint32_t depth;
} aos_check;

/// Validates grammar, escapes, UTF-8 and depth of one JSON text (with the bare words NaN, Infinity, -Infinity allowed).
aos_check aos_json_check(const uint8_t *text, size_t length, uint32_t max_depth);

/// How deep the objects and arrays of a part of a checked text lie in each other.
uint32_t aos_json_depth(const uint8_t *text, size_t length);

/// Bytes that aos_json_rewrite may need for a text of this length.
size_t aos_json_rewrite_bound(size_t length);

/// Copies a checked text, or a value in one, with NaN and the infinities as null and lone surrogates as \ufffd. Returns
/// the new length.
size_t aos_json_rewrite(const uint8_t *text, size_t length, uint8_t *out);

/// A value's place in the text. Strings include their quotes.
typedef struct aos_value {
    uint32_t offset;
    uint32_t length;
    uint8_t kind;      // aos_kind
    uint8_t escaped;   // a string with a backslash in it
    uint8_t repeated;  // the member was given more than once
} aos_value;

typedef struct aos_name {
    const char *bytes;
    uint32_t length;
} aos_name;

/// Finds named members of a checked object; out[i] belongs to names[i]. Other members are passed over.
void aos_json_pick(const uint8_t *object, size_t length, const aos_name *names, size_t count, aos_value *out);

enum {
    AOS_EVENT_TYPE = 0,
    AOS_EVENT_LEVEL,
    AOS_EVENT_PAYLOAD,
    AOS_EVENT_OCCURRED_AT,
    AOS_EVENT_SPAN_ID,
    AOS_EVENT_PARENT_SPAN_ID,
    AOS_EVENT_KIND,
    AOS_EVENT_STARTED_AT,
    AOS_EVENT_ENDED_AT,
    AOS_EVENT_DURATION_MS,
    AOS_EVENT_FIELDS
};

typedef struct aos_event {
    uint32_t offset;
    uint32_t length;
    uint8_t kind;                        // anything but AOS_OBJECT is an error of the sender
    uint64_t digest;                     // of the event's bytes
    aos_value fields[AOS_EVENT_FIELDS];
} aos_event;

typedef struct aos_batch {
    aos_problem problem;
    aos_value run_id;
    aos_value events;
    /// Number of elements, also when it is over the limit; then only the first `max_events` are in `items`.
    size_t count;
    /// Valid until the next call on the same thread.
    const aos_event *items;
} aos_batch;

/// Cuts `{"run_id": …, "events": [ … ]}` by simdjson On-Demand. The text must have passed aos_json_check, and
/// aos_padding() readable bytes must follow it.
aos_batch aos_events_cut(const uint8_t *text, size_t length, size_t max_events);

/// Cuts one event object (same conditions).
bool aos_event_cut(const uint8_t *text, size_t length, aos_event *out);

size_t aos_padding(void);

/// 64-bit digest of bytes (XXH3), the same in every process and version.
uint64_t aos_digest(const uint8_t *bytes, size_t length, uint64_t seed);

#ifdef __cplusplus
}
#endif
