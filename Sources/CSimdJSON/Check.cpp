#include "CSimdJSON.h"

#include <simdjson.h>

#include <cstring>
#include <emmintrin.h>

namespace {

// One pass, no recursion: the stack of open brackets is a bit per level.
struct Checker {
    const uint8_t *p;
    const uint8_t *end;
    const uint8_t *start;
    uint32_t max_depth;
    uint32_t deepest = 0;
    bool needs_rewrite = false;
    aos_problem problem = AOS_OK;

    bool fail(aos_problem why) {
        problem = p >= end && why == AOS_SYNTAX ? AOS_TRUNCATED : why;
        return false;
    }

    void space() {
        while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    }

    static int hex(uint8_t c) {
        if (c >= '0' && c <= '9') return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    }

    // p stands behind "\u"; reads four digits.
    bool unit(uint32_t &out) {
        if (end - p < 4) {
            p = end;
            return fail(AOS_TRUNCATED);
        }
        out = 0;
        for (int i = 0; i < 4; i++) {
            int digit = hex(p[i]);
            if (digit < 0) return fail(AOS_BAD_ESCAPE);
            out = out << 4 | uint32_t(digit);
        }
        p += 4;
        return true;
    }

    // p stands at the opening quote.
    bool string() {
        p++;
        for (;;) {
            // 16 bytes at a time up to a quote, a backslash or a control character.
            while (end - p >= 16) {
                __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
                __m128i quote = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('"'));
                __m128i slash = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\'));
                __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(chunk, _mm_set1_epi8(0x1f)), chunk);
                int mask = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control));
                if (mask != 0) {
                    p += __builtin_ctz(mask);
                    break;
                }
                p += 16;
            }
            if (p >= end) return fail(AOS_TRUNCATED);
            uint8_t c = *p;
            if (c == '"') {
                p++;
                return true;
            }
            if (c < 0x20) return fail(AOS_CONTROL_CHARACTER);
            if (c != '\\') {
                p++;
                continue;
            }
            p++;
            if (p >= end) return fail(AOS_TRUNCATED);
            switch (*p++) {
            case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': break;
            case 'u': {
                uint32_t first;
                if (!unit(first)) return false;
                if (first >= 0xd800 && first < 0xdc00) {
                    if (end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                        const uint8_t *back = p;
                        p += 2;
                        uint32_t second;
                        if (!unit(second)) return false;
                        if (second < 0xdc00 || second >= 0xe000) {
                            needs_rewrite = true;
                            p = back;
                        }
                    } else {
                        needs_rewrite = true;
                    }
                } else if (first >= 0xdc00 && first < 0xe000) {
                    needs_rewrite = true;
                }
                break;
            }
            default: p--; return fail(AOS_BAD_ESCAPE);
            }
        }
    }

    bool word(const char *text, size_t length) {
        if (size_t(end - p) < length) {
            p = end;
            return fail(AOS_TRUNCATED);
        }
        if (memcmp(p, text, length) != 0) return fail(AOS_SYNTAX);
        p += length;
        return true;
    }

    bool digits() {
        const uint8_t *first = p;
        while (p < end && uint8_t(*p - '0') <= 9) p++;
        return p > first || fail(AOS_SYNTAX);
    }

    bool number() {
        if (*p == '-') {
            p++;
            if (p < end && *p == 'I') {
                needs_rewrite = true;
                return word("Infinity", 8);
            }
        }
        if (p < end && *p == '0') {
            p++;
        } else if (!digits()) {
            return false;
        }
        if (p < end && *p == '.') {
            p++;
            if (!digits()) return false;
        }
        if (p < end && (*p == 'e' || *p == 'E')) {
            p++;
            if (p < end && (*p == '+' || *p == '-')) p++;
            if (!digits()) return false;
        }
        return true;
    }

    bool scalar() {
        switch (*p) {
        case '"': return string();
        case 't': return word("true", 4);
        case 'f': return word("false", 5);
        case 'n': return word("null", 4);
        case 'N': needs_rewrite = true; return word("NaN", 3);
        case 'I': needs_rewrite = true; return word("Infinity", 8);
        default: return number();
        }
    }

    bool document() {
        uint64_t open[64] = {};  // bit set: an object
        uint32_t depth = 0;
        space();
        for (;;) {
            // A value is due.
            if (p >= end) return fail(AOS_TRUNCATED);
            if (*p == '{' || *p == '[') {
                bool object = *p == '{';
                if (depth >= max_depth) return fail(AOS_TOO_DEEP);
                uint64_t bit = uint64_t(1) << (depth & 63);
                if (object) open[depth >> 6] |= bit; else open[depth >> 6] &= ~bit;
                depth++;
                if (depth > deepest) deepest = depth;
                p++;
                space();
                if (p >= end) return fail(AOS_TRUNCATED);
                if (*p == (object ? '}' : ']')) {
                    p++;
                    depth--;
                } else {
                    if (object && !name()) return false;
                    continue;
                }
            } else if (!scalar()) {
                return false;
            }
            // A value has ended.
            for (;;) {
                space();
                if (depth == 0) return true;
                if (p >= end) return fail(AOS_TRUNCATED);
                bool object = open[(depth - 1) >> 6] >> ((depth - 1) & 63) & 1;
                if (*p == ',') {
                    p++;
                    space();
                    if (object && !name()) return false;
                    break;
                }
                if (*p != (object ? '}' : ']')) return fail(AOS_SYNTAX);
                p++;
                depth--;
            }
        }
    }

    // A member's name and its colon.
    bool name() {
        if (p >= end || *p != '"') return fail(AOS_SYNTAX);
        if (!string()) return false;
        space();
        if (p >= end || *p != ':') return fail(AOS_SYNTAX);
        p++;
        space();
        return true;
    }
};

aos_kind kind_of(uint8_t c) {
    switch (c) {
    case '{': return AOS_OBJECT;
    case '[': return AOS_ARRAY;
    case '"': return AOS_STRING;
    case 't': case 'f': return AOS_BOOL;
    case 'n': return AOS_NULL;
    default: return AOS_NUMBER;
    }
}

// p stands at the first byte of a value of a checked text; returns the place behind it.
const uint8_t *skip(const uint8_t *p, const uint8_t *end) {
    uint32_t depth = 0;
    do {
        switch (*p) {
        case '{': case '[': depth++; p++; break;
        case '}': case ']': depth--; p++; break;
        case '"':
            p++;
            while (*p != '"') p += *p == '\\' ? 2 : 1;
            p++;
            break;
        case ',': case ':': case ' ': case '\n': case '\r': case '\t': p++; break;
        default:
            while (p < end && *p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') p++;
        }
    } while (depth > 0 && p < end);
    return p;
}

const uint8_t *past_space(const uint8_t *p, const uint8_t *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

}  // namespace

extern "C" aos_check aos_json_check(const uint8_t *text, size_t length, uint32_t max_depth) {
    if (max_depth > 4096) max_depth = 4096;
    Checker checker{text, text + length, text, max_depth};
    aos_check result{AOS_OK, 0, false, AOS_MISSING, 0};
    if (!simdjson::validate_utf8(reinterpret_cast<const char *>(text), length)) {
        result.problem = AOS_NOT_UTF8;
        return result;
    }
    checker.space();
    if (checker.p < checker.end) result.root = kind_of(*checker.p);
    bool ok = checker.document();
    if (ok && checker.p < checker.end) {
        ok = false;
        checker.problem = AOS_TRAILING_TEXT;
    }
    result.problem = ok ? AOS_OK : checker.problem;
    result.offset = size_t(checker.p - text);
    result.needs_rewrite = checker.needs_rewrite;
    result.depth = checker.deepest;
    return result;
}

extern "C" uint32_t aos_json_depth(const uint8_t *text, size_t length) {
    const uint8_t *p = text, *end = text + length;
    uint32_t depth = 0, deepest = 0;
    while (p < end) {
        switch (*p) {
        case '{': case '[':
            depth++;
            if (depth > deepest) deepest = depth;
            p++;
            break;
        case '}': case ']': depth--; p++; break;
        case '"':
            p++;
            while (*p != '"') p += *p == '\\' ? 2 : 1;
            p++;
            break;
        default: p++;
        }
    }
    return deepest;
}

extern "C" size_t aos_json_rewrite_bound(size_t length) { return length + length / 3 + 8; }

extern "C" size_t aos_json_rewrite(const uint8_t *text, size_t length, uint8_t *out) {
    const uint8_t *p = text, *end = text + length;
    uint8_t *o = out;
    auto put = [&](const char *s, size_t n) { memcpy(o, s, n); o += n; };
    while (p < end) {
        if (*p == 'N') {
            put("null", 4);
            p += 3;
        } else if (*p == 'I') {
            put("null", 4);
            p += 8;
        } else if (*p == '-' && p + 1 < end && p[1] == 'I') {
            put("null", 4);
            p += 9;
        } else if (*p == '"') {
            *o++ = *p++;
            while (*p != '"') {
                if (*p != '\\') {
                    *o++ = *p++;
                } else if (p[1] != 'u') {
                    *o++ = *p++;
                    *o++ = *p++;
                } else {
                    auto unit = [](const uint8_t *d) {
                        uint32_t v = 0;
                        for (int i = 0; i < 4; i++) v = v << 4 | uint32_t(Checker::hex(d[i]));
                        return v;
                    };
                    uint32_t first = unit(p + 2);
                    bool high = first >= 0xd800 && first < 0xdc00, low = first >= 0xdc00 && first < 0xe000;
                    if (high && p[6] == '\\' && p[7] == 'u') {
                        uint32_t second = unit(p + 8);
                        if (second >= 0xdc00 && second < 0xe000) {
                            put(reinterpret_cast<const char *>(p), 12);
                            p += 12;
                            continue;
                        }
                    }
                    if (high || low) put("\\ufffd", 6); else put(reinterpret_cast<const char *>(p), 6);
                    p += 6;
                }
            }
            *o++ = *p++;
        } else {
            *o++ = *p++;
        }
    }
    return size_t(o - out);
}

extern "C" void aos_json_pick(const uint8_t *object, size_t length, const aos_name *names, size_t count, aos_value *out) {
    memset(out, 0, count * sizeof(aos_value));
    const uint8_t *end = object + length;
    const uint8_t *p = past_space(object, end);
    if (p >= end || *p != '{') return;
    p = past_space(p + 1, end);
    while (p < end && *p == '"') {
        const uint8_t *key = p + 1;
        const uint8_t *key_end = skip(p, end) - 1;
        p = past_space(past_space(key_end + 1, end) + 1, end);
        const uint8_t *value = p;
        p = skip(p, end);
        size_t key_length = size_t(key_end - key);
        std::string unescaped;
        if (memchr(key, '\\', key_length) != nullptr) {
            // A name may be written with escapes; only those that can matter are looked at: ASCII ones.
            for (const uint8_t *k = key; k < key_end;) {
                if (*k == '\\' && k[1] == 'u') {
                    uint32_t v = 0;
                    for (int i = 2; i < 6; i++) v = v << 4 | uint32_t(Checker::hex(k[i]));
                    unescaped.push_back(v < 0x80 ? char(v) : '?');
                    k += 6;
                } else if (*k == '\\') {
                    unescaped.push_back('?');
                    k += 2;
                } else {
                    unescaped.push_back(char(*k++));
                }
            }
            key = reinterpret_cast<const uint8_t *>(unescaped.data());
            key_length = unescaped.size();
        }
        for (size_t i = 0; i < count; i++) {
            if (names[i].length != key_length || memcmp(names[i].bytes, key, key_length) != 0) continue;
            aos_value &slot = out[i];
            if (slot.kind != AOS_MISSING) slot.repeated = 1;
            slot.offset = uint32_t(value - object);
            slot.length = uint32_t(p - value);
            slot.kind = kind_of(*value);
            slot.escaped = slot.kind == AOS_STRING && memchr(value, '\\', slot.length) != nullptr;
            break;
        }
        p = past_space(p, end);
        if (p < end && *p == ',') p = past_space(p + 1, end);
    }
}
