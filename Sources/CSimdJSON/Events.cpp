#include "CSimdJSON.h"

#include <simdjson.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <memory>
#include <vector>

using namespace simdjson;

namespace {

struct FieldName {
    const char *bytes;
    size_t length;
};
constexpr FieldName field_names[AOS_EVENT_FIELDS] = {
    {"type", 4},    {"level", 5},       {"payload", 7},   {"occurred_at", 11}, {"span_id", 7}, {"parent_span_id", 14},
    {"kind", 4},    {"started_at", 10}, {"ended_at", 8},  {"duration_ms", 11},
};

// A parser keeps room for the largest text it saw; one that grew beyond this is given back.
constexpr size_t kept_capacity = 1 << 20;
thread_local std::unique_ptr<ondemand::parser> kept_parser;
thread_local std::vector<aos_event> kept_events;

ondemand::parser &parser_for(size_t length) {
    if (!kept_parser || (kept_parser->capacity() > kept_capacity && length <= kept_capacity))
        kept_parser = std::make_unique<ondemand::parser>();
    return *kept_parser;
}

uint8_t kind_of(char c) {
    switch (c) {
    case '{': return AOS_OBJECT;
    case '[': return AOS_ARRAY;
    case '"': return AOS_STRING;
    case 't': case 'f': return AOS_BOOL;
    case 'n': return AOS_NULL;
    default: return AOS_NUMBER;
    }
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

// The value's text; the value is consumed.
bool slice_of(ondemand::value value, std::string_view &out, uint8_t &kind) {
    std::string_view token = value.raw_json_token();
    kind = kind_of(token.empty() ? '?' : token.front());
    if (kind == AOS_OBJECT || kind == AOS_ARRAY) {
        // A container's text ends where the next token starts.
        if (kind == AOS_OBJECT) {
            ondemand::object object;
            if (value.get_object().get(object) != SUCCESS || object.raw_json().get(out) != SUCCESS) return false;
        } else {
            ondemand::array array;
            if (value.get_array().get(array) != SUCCESS || array.raw_json().get(out) != SUCCESS) return false;
        }
    } else {
        out = token;
    }
    out = trimmed(out);
    return true;
}

bool fill(ondemand::value value, const uint8_t *text, aos_value &slot) {
    std::string_view slice;
    uint8_t kind;
    if (!slice_of(value, slice, kind)) return false;
    if (slot.kind != AOS_MISSING) slot.repeated = 1;
    slot.offset = uint32_t(reinterpret_cast<const uint8_t *>(slice.data()) - text);
    slot.length = uint32_t(slice.size());
    slot.kind = kind;
    slot.escaped = kind == AOS_STRING && memchr(slice.data(), '\\', slice.size()) != nullptr;
    return true;
}

// The name of a field without a copy; only a name written with escapes is decoded.
bool name_of(ondemand::field &field, std::string_view &out) {
    const char *raw = field.key().raw();
    const char *close = raw;
    bool escaped = false;
    while (*close != '"') {
        if (*close == '\\') {
            escaped = true;
            close++;
        }
        close++;
    }
    if (!escaped) {
        out = std::string_view(raw, size_t(close - raw));
        return true;
    }
    return field.unescaped_key().get(out) == SUCCESS;
}

int field_index(std::string_view name) {
    for (int i = 0; i < AOS_EVENT_FIELDS; i++)
        if (name.size() == field_names[i].length && memcmp(name.data(), field_names[i].bytes, name.size()) == 0) return i;
    return -1;
}

bool cut_fields(ondemand::object &object, const uint8_t *text, aos_event &event) {
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field) != SUCCESS) return false;
        std::string_view name;
        if (!name_of(field, name)) return false;
        int index = field_index(name);
        if (index >= 0 && !fill(field.value(), text, event.fields[index])) return false;
    }
    return true;
}

void place(aos_event &event, std::string_view raw, const uint8_t *text) {
    event.offset = uint32_t(reinterpret_cast<const uint8_t *>(raw.data()) - text);
    event.length = uint32_t(raw.size());
    event.digest = XXH3_64bits(raw.data(), raw.size());
}

bool cut_event(ondemand::value value, const uint8_t *text, aos_event &event) {
    memset(&event, 0, sizeof event);
    std::string_view token = value.raw_json_token();
    event.kind = kind_of(token.empty() ? '?' : token.front());
    if (event.kind != AOS_OBJECT) {
        std::string_view slice;
        uint8_t kind;
        return slice_of(value, slice, kind);
    }
    ondemand::object object;
    std::string_view raw;
    if (value.get_object().get(object) != SUCCESS || object.raw_json().get(raw) != SUCCESS) return false;
    place(event, trimmed(raw), text);
    bool empty;
    if (object.reset().get(empty) != SUCCESS) return false;
    return cut_fields(object, text, event);
}

}  // namespace

extern "C" aos_batch aos_events_cut(const uint8_t *text, size_t length, size_t max_events) {
    aos_batch batch;
    memset(&batch, 0, sizeof batch);
    kept_events.clear();
    ondemand::parser &parser = parser_for(length);
    ondemand::document document;
    ondemand::object root;
    auto failed = [&](error_code error) {
        batch.problem = error == MEMALLOC ? AOS_NO_MEMORY : AOS_SYNTAX;
        return batch;
    };
    if (auto error = parser.iterate(text, length, length + SIMDJSON_PADDING).get(document)) return failed(error);
    if (auto error = document.get_object().get(root)) return failed(error);
    for (auto item : root) {
        ondemand::field field;
        if (auto error = std::move(item).get(field)) return failed(error);
        std::string_view name;
        if (!name_of(field, name)) return failed(TAPE_ERROR);
        if (name == "run_id") {
            if (!fill(field.value(), text, batch.run_id)) return failed(TAPE_ERROR);
        } else if (name == "events") {
            if (batch.events.kind != AOS_MISSING) {
                batch.events.repeated = 1;
                continue;
            }
            ondemand::value value = field.value();
            std::string_view token = value.raw_json_token();
            batch.events.kind = kind_of(token.empty() ? '?' : token.front());
            if (batch.events.kind != AOS_ARRAY) continue;
            ondemand::array array;
            if (auto error = value.get_array().get(array)) return failed(error);
            for (auto element : array) {
                ondemand::value one;
                if (auto error = std::move(element).get(one)) return failed(error);
                if (batch.count++ >= max_events) continue;
                kept_events.emplace_back();
                if (!cut_event(one, text, kept_events.back())) return failed(TAPE_ERROR);
            }
        }
    }
    batch.items = kept_events.data();
    return batch;
}

extern "C" bool aos_event_cut(const uint8_t *text, size_t length, aos_event *out) {
    ondemand::parser &parser = parser_for(length);
    ondemand::document document;
    ondemand::object object;
    memset(out, 0, sizeof *out);
    if (parser.iterate(text, length, length + SIMDJSON_PADDING).get(document) != SUCCESS) return false;
    if (document.get_object().get(object) != SUCCESS) return false;
    out->kind = AOS_OBJECT;
    place(*out, std::string_view(reinterpret_cast<const char *>(text), length), text);
    return cut_fields(object, text, *out);
}

extern "C" size_t aos_padding(void) { return SIMDJSON_PADDING; }

extern "C" uint64_t aos_digest(const uint8_t *bytes, size_t length, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, length, seed);
}
